"""Sets stored forecasts beside the prices that came."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import isclose
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.postgres.aggregates import ArrayAgg

from services.analytics.forecasting.domain import ForecastPath
from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from services.analytics.forecasting.scoring import score_path, summarise
from shared.contracts.conclusions import ForecastsScored
from shared.pricing.adjustment import AdjustedBars

QUANTILE_COLUMNS = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
SCORES_PER_EVENT = 100  # each takes up to 1 KB of the 256 KiB that an event may have

# An actual price is a ratio to the origin's close, so a later dividend moves it by rounding alone: 1e-14 for a
# hundred of them. The least correction, in the last of six decimals, is larger for every price below a million.
ROUNDING_RATIO = 1e-12

type Actual = list[float | None]


def new_scores(bars: AdjustedBars) -> list[ForecastsScored]:
    """Return what `bars` (total return) tell of their symbol's forecasts beyond the scores already stored.

    A forecast counts from the version of the prices that it was made from, and its score is compared with
    the last one up to the version of `bars`. A target session without a bar has no actual price. The actual
    prices determine a score, so that where they are as stored nothing is computed.
    """
    close_on = dict(zip(bars.sessions.tolist(), bars.close.tolist(), strict=True))
    issued = Forecast.objects.using("analytics").filter(
        symbol=bars.symbol, state="succeeded", data_version__lte=bars.version
    )
    targets, stored = _targets(issued), _stored(issued, bars.version)
    due = {}
    for forecast in issued.order_by("data_version", "kind"):
        actual = _actual(forecast, targets[forecast.id], close_on)
        if not _same(actual, stored.get(forecast.id, [None] * len(actual))):
            due[forecast] = actual
    points = _points(due)
    scores = [_score(forecast, points[forecast.id], actual) for forecast, actual in due.items()]
    return [
        ForecastsScored(
            symbol=bars.symbol,
            data_version=bars.version,
            scores=tuple(scores[first : first + SCORES_PER_EVENT]),
        )
        for first in range(0, len(scores), SCORES_PER_EVENT)
    ]


def _targets(issued: Any) -> dict[UUID, list[date]]:
    points = ForecastPoint.objects.using("analytics").filter(forecast_id__in=issued.values("id"))
    rows = points.values("forecast_id").annotate(sessions=ArrayAgg("target_session", order_by="horizon"))
    return dict(rows.values_list("forecast_id", "sessions"))


def _stored(issued: Any, version: int) -> dict[UUID, Actual]:
    scores = ForecastScore.objects.using("analytics").filter(
        forecast_id__in=issued.values("id"), data_version__lte=version
    )
    newest = scores.order_by("forecast_id", "-data_version").distinct("forecast_id")
    return dict(newest.values_list("forecast_id", "actual"))


def _actual(forecast: Forecast, targets: Sequence[date], close_on: Mapping[date, float]) -> Actual:
    """Return the price of each target session in the terms of the forecast's origin, None where unknown."""
    origin = close_on.get(_known(forecast.origin_session))
    closes = [close_on.get(session) for session in targets]
    if origin is None:
        return [None] * len(closes)
    unit = _known(forecast.origin_close) / origin
    return [None if close is None else close * unit for close in closes]


def _same(one: Actual, other: Actual) -> bool:
    return all(
        a is b or (a is not None and b is not None and isclose(a, b, rel_tol=ROUNDING_RATIO))
        for a, b in zip(one, other, strict=True)
    )


def _points(due: Iterable[Forecast]) -> dict[UUID, list[ForecastPoint]]:
    found = defaultdict(list)
    ids = [forecast.id for forecast in due]
    points = ForecastPoint.objects.using("analytics").filter(forecast_id__in=ids)
    for point in points.order_by("forecast_id", "horizon"):
        found[point.forecast_id].append(point)
    return found


def _score(forecast: Forecast, points: list[ForecastPoint], actual: Actual) -> dict[str, Any]:
    origin_close = _known(forecast.origin_close)
    path = ForecastPath(
        origin_close=origin_close,
        scale=_known(forecast.volatility),
        point=np.array([point.point for point in points]),
        quantiles=np.array([[getattr(point, column) for point in points] for column in QUANTILE_COLUMNS]),
    )
    summary = summarise(score_path(path, [origin_close, *actual]))
    return {
        "forecast_id": str(forecast.id),
        "actual": actual,
        "scored_count": summary.n,
        "mae_rw_ratio": summary.mae_ratio,
        "pinball_rw_ratio": summary.pinball_ratio,
        "coverage80_ratio": summary.coverage80_ratio,
        "coverage95_ratio": summary.coverage95_ratio,
    }


def _known[V](value: V | None) -> V:
    """Return a column that every forecast has once it succeeded."""
    if value is None:
        raise ValueError("a forecast that succeeded lacks its origin")
    return value
