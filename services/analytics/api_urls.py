"""Addresses of the analytics service's API."""

from django.urls import URLPattern

from services.analytics.backtests.urls import urlpatterns as backtests
from services.analytics.forecasting.urls import urlpatterns as forecasting
from services.analytics.users.urls import urlpatterns as users

urlpatterns: list[URLPattern] = [*backtests, *forecasting, *users]
