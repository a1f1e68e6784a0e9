"""Addresses of forecasts."""

from services.analytics.forecasting.api import ListForecasts, RequestForecast, ShowForecast
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/forecasts/", "forecasts", get=ListForecasts, post=RequestForecast),
    *route("api/v1/forecasts/<uuid:forecast_id>/", "forecast", get=ShowForecast),
]
