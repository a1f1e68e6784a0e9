"""Reads of forecasts."""

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from shared.errors import NotFound
from shared.eventstore.selectors import with_live_state


def forecast_by_id(forecast_id: UUID) -> Forecast:
    """Return one forecast, with its job's state while the work is open. Raises NotFound."""
    forecast: Any = forecasts().filter(id=forecast_id).first()
    if forecast is None:
        raise NotFound(f"There is no forecast {forecast_id}.")
    forecast.state = forecast.live_state
    found: Forecast = forecast
    return found


def forecasts() -> QuerySet[Forecast]:
    """Return forecasts, newest first, each with its `live_state`."""
    newest = Forecast.objects.using("analytics").order_by("-created_at", "-id")
    key = Concat(OuterRef("symbol"), Value(":", TextField()), Cast(OuterRef("data_version"), TextField()))
    return with_live_state(newest, kind="forecast", key=key)


def points_of(forecast_id: UUID) -> QuerySet[ForecastPoint]:
    """Return the sessions of a forecast in order."""
    return ForecastPoint.objects.using("analytics").filter(forecast_id=forecast_id).order_by("horizon")


def score_of(forecast_id: UUID) -> ForecastScore | None:
    """Return what the forecast was worth as known last, None before its first session closed."""
    scores = ForecastScore.objects.using("analytics").filter(forecast_id=forecast_id)
    return scores.order_by("-data_version").first()
