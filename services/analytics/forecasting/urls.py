"""Addresses of forecasts."""

from services.analytics.forecasting.api import CancelForecast, ListForecasts, RequestForecast, ShowForecast
from services.analytics.forecasting.compat import PredictSymbol
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/forecasts/", "forecasts", get=ListForecasts, post=RequestForecast),
    *route("api/v1/forecasts/<uuid:forecast_id>/", "forecast", get=ShowForecast, delete=CancelForecast),
    *route("predict/<str:symbol>/", "older-forecast", get=PredictSymbol),
]
