"""Reads of forecasts."""

from uuid import UUID

from django.db.models import QuerySet

from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from shared.errors import NotFound
from shared.eventstore.selectors import live_state


def forecast_by_id(forecast_id: UUID) -> Forecast:
    """Return one forecast, with its job's state while the work is open. Raises NotFound."""
    forecast = Forecast.objects.using("analytics").filter(id=forecast_id).first()
    if forecast is None:
        raise NotFound(f"There is no forecast {forecast_id}.")
    key = f"{forecast.symbol}:{forecast.data_version}"
    forecast.state = live_state("analytics", kind="forecast", key=key, state=forecast.state)
    return forecast


def forecasts(*, symbol: str | None = None, kind: str | None = None) -> QuerySet[Forecast]:
    """Return forecasts, newest first."""
    rows = Forecast.objects.using("analytics").order_by("-created_at", "-id")
    if symbol:
        rows = rows.filter(symbol=symbol)
    return rows.filter(kind=kind) if kind else rows


def points_of(forecast_id: UUID) -> QuerySet[ForecastPoint]:
    """Return the sessions of a forecast in order."""
    return ForecastPoint.objects.using("analytics").filter(forecast_id=forecast_id).order_by("horizon")


def score_of(forecast_id: UUID) -> ForecastScore | None:
    """Return what the forecast was worth so far, None before its first session closed."""
    return ForecastScore.objects.using("analytics").filter(forecast_id=forecast_id).first()
