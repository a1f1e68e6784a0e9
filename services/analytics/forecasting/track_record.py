"""Sets stored forecasts beside the prices that came."""

from typing import Any

import numpy as np

from services.analytics.forecasting.domain import HORIZON_SESSIONS, ForecastPath
from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from services.analytics.forecasting.scoring import score_path, summarise
from shared.pricing.adjustment import AdjustedBars

QUANTILE_COLUMNS = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")


def scores_of(*, symbol: str, bars: AdjustedBars) -> tuple[dict[str, Any], ...]:
    """Return the score of every forecast of `symbol` that `bars` (total return) can tell more about.

    Only ratios to the origin's close of the same bars count, so a split or dividend since a forecast was
    made changes nothing. Forecasts already scored on all their sessions with these prices are left out.
    """
    issued = Forecast.objects.using("analytics").filter(symbol=symbol, state="succeeded").order_by("id")
    scored = dict(
        ForecastScore.objects.using("analytics")
        .filter(forecast_id__in=[forecast.id for forecast in issued])
        .values_list("forecast_id", "data_version")
    )
    due = [forecast for forecast in issued if scored.get(forecast.id, 0) < bars.version]
    return tuple(score for forecast in due if (score := _score(forecast, bars)) is not None)


def _score(forecast: Forecast, bars: AdjustedBars) -> dict[str, Any] | None:
    points = list(
        ForecastPoint.objects.using("analytics").filter(forecast_id=forecast.id).order_by("horizon")
    )
    where = np.searchsorted(bars.sessions, np.datetime64(forecast.origin_session))
    if where >= len(bars.sessions) or bars.sessions[where] != np.datetime64(forecast.origin_session):
        return None
    closes = bars.close[where : where + 1 + HORIZON_SESSIONS]
    if len(closes) < 2:
        return None
    summary = summarise(score_path(_path(forecast, points), closes))
    actual = [float(forecast.origin_close or 0) * float(close / closes[0]) for close in closes[1:]]
    return {
        "forecast_id": str(forecast.id),
        "actual": actual + [None] * (HORIZON_SESSIONS - len(actual)),
        "scored_count": summary.n,
        "mae_rw_ratio": summary.mae_ratio,
        "pinball_rw_ratio": summary.pinball_ratio,
        "coverage80_ratio": summary.coverage80_ratio,
        "coverage95_ratio": summary.coverage95_ratio,
    }


def _path(forecast: Forecast, points: list[ForecastPoint]) -> ForecastPath:
    return ForecastPath(
        origin_close=float(forecast.origin_close or 0),
        scale=float(forecast.volatility or 0),
        point=np.array([point.point for point in points]),
        quantiles=np.array([[getattr(point, column) for point in points] for column in QUANTILE_COLUMNS]),
    )
