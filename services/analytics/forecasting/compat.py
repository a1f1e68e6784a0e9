"""Forecasts at their older address."""

from contextlib import suppress
from functools import partial

from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.forecasting.api import Forecast
from services.analytics.forecasting.selectors import forecast_by_id
from services.analytics.forecasting.services import forecast_id_for, start_forecast
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.compat import OlderOperation
from shared.http.fields import symbol_of_address
from shared.http.operations import started
from shared.pricing.reader import latest_version


class PredictSymbol(OlderOperation):
    """Forecast the next 30 sessions of a symbol from its stored prices, and wait for it."""

    Output = Forecast
    problems = (404, 409, 422)
    successor, title = "forecasts", "Forecast of {symbol}"

    def get(self, request: Request, symbol: str) -> Response:
        """Forecast them."""
        symbol = symbol_of_address(symbol)
        version = latest_version("analytics", symbol)
        # When another request for the same prices came first at this very moment, its forecast is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_forecast(symbol=symbol, data_version=version, now=timezone.now())
        forecast_id = forecast_id_for(symbol=symbol, data_version=version, kind="live")
        forecast = self.finished(partial(forecast_by_id, forecast_id))
        return started(
            Forecast(forecast).data,
            location=reverse("forecast", args=[forecast_id]),
            state=forecast.state,
            is_new=False,
        )
