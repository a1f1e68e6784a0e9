"""Addresses of the analytics service's API."""

from django.urls import URLPattern

from services.analytics.backtests.urls import urlpatterns as backtests
from services.analytics.comparisons.urls import urlpatterns as comparisons
from services.analytics.forecasting.urls import urlpatterns as forecasting
from services.analytics.results.urls import urlpatterns as results
from services.analytics.strategies.urls import urlpatterns as strategies
from services.analytics.surfaces.urls import urlpatterns as surfaces
from services.analytics.sweeps.urls import urlpatterns as sweeps
from services.analytics.users.urls import urlpatterns as users
from services.analytics.walk_forwards.urls import urlpatterns as walk_forwards

urlpatterns: list[URLPattern] = [
    *backtests,
    *comparisons,
    *results,
    *strategies,
    *sweeps,
    *surfaces,
    *walk_forwards,
    *forecasting,
    *users,
]
