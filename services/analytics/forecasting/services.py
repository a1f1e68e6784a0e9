"""Asks for forecasts, makes them and scores them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from services.analytics.forecasting.domain import HORIZON_SESSIONS, QUANTILES, CalendarTooShort
from services.analytics.forecasting.features import LOOKBACK_CLOSES
from services.analytics.forecasting.model import shipped_model
from services.analytics.forecasting.models import Forecast
from services.analytics.forecasting.track_record import new_scores
from shared.contracts.codec import body_hash, dumps
from shared.contracts.conclusions import ForecastIssued, ForecastRefused, ForecastRequested
from shared.errors import BellwetherError, InsufficientHistory, NotFound
from shared.eventstore.append import StreamConflict, append
from shared.eventstore.jobs import AGAIN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.calendar import calendar_version, sessions_after
from shared.pricing.history import after_last_hole
from shared.pricing.reader import load_history

JOB_KIND = "forecast"
MODEL, MODEL_VERSION = "linear-returns", "1"
KINDS = ("backfilled", "live")
BACK_SESSIONS = {"live": 0, "backfilled": HORIZON_SESSIONS}
_NAMESPACE = UUID("f6c2a4de-54a1-4c6a-9a51-0c1d3f7a9b20")

log = structlog.get_logger(__name__)


def forecast_id_for(*, symbol: str, data_version: int, kind: str) -> UUID:
    """Return the id of the one forecast that these inputs have."""
    return uuid5(_NAMESPACE, _inputs_hash(symbol, data_version, kind))


def request_forecast(*, symbol: str, data_version: int, now: datetime) -> UUID:
    """Queue the live forecast and the backfilled one in the caller's transaction; return the live one's id.

    Prices that have their forecasts return those; forecasts that failed or were cancelled (and were not
    refused) are queued again.
    """
    live_id = forecast_id_for(symbol=symbol, data_version=data_version, kind="live")
    known = Forecast.objects.using("analytics").filter(id=live_id).first()
    if known is not None and known.state not in AGAIN_STATES:
        return live_id
    for kind in KINDS:
        forecast_id = forecast_id_for(symbol=symbol, data_version=data_version, kind=kind)
        requested = ForecastRequested(
            forecast_id=forecast_id,
            inputs_hash=_inputs_hash(symbol, data_version, kind),
            kind=kind,
            symbol=symbol,
            data_version=data_version,
            model=MODEL,
            model_version=MODEL_VERSION,
        )
        recorded = append("analytics", _stream(forecast_id), requested, now=now)
    enqueue(
        "analytics",
        job_id=recorded[-1].event_id,
        kind=JOB_KIND,
        key=_job_key(symbol, data_version),
        payload={"symbol": symbol, "data_version": data_version},
        causation_id=recorded[-1].event_id,
    )
    return live_id


def start_forecast(*, symbol: str, data_version: int, now: datetime) -> UUID:
    """Queue a forecast that a user asked for. Raises NoPrices and InsufficientHistory before anything is stored."""
    history = after_last_hole(load_history("analytics", symbol, version=data_version))
    if len(history.sessions) < LOOKBACK_CLOSES:
        raise InsufficientHistory(
            symbol=symbol, needed_sessions=LOOKBACK_CLOSES, present_sessions=len(history.sessions)
        )
    with transaction.atomic(using="analytics", durable=True):
        return request_forecast(symbol=symbol, data_version=data_version, now=now)


def run_forecasts(*, job: LeasedJob, now: datetime) -> None:
    """Make both forecasts of a job, then score all of the symbol's forecasts on its prices.

    A forecast that cannot be made is refused by itself, so the other one is not lost with it.
    """
    symbol, data_version = job.payload["symbol"], job.payload["data_version"]
    history = load_history("analytics", symbol, version=data_version)
    bars = adjust(history, Basis.TOTAL_RETURN)
    unbroken = adjust(after_last_hole(history), Basis.TOTAL_RETURN)
    outcomes = [_outcome(unbroken, symbol=symbol, data_version=data_version, kind=kind) for kind in KINDS]
    with transaction.atomic(using="analytics", durable=True):
        for outcome in outcomes:
            append("analytics", _stream(outcome.forecast_id), outcome, now=now)
        _score_forecasts(bars, now=now)
        refused = all(isinstance(outcome, ForecastRefused) for outcome in outcomes)
        finish(job, "refused" if refused else "succeeded")


def fail_forecasts(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record why a job's forecasts were not made."""
    symbol, data_version = job.payload["symbol"], job.payload["data_version"]
    with transaction.atomic(using="analytics", durable=True):
        for kind in KINDS:
            forecast_id = forecast_id_for(symbol=symbol, data_version=data_version, kind=kind)
            refused = ForecastRefused(
                forecast_id=forecast_id,
                kind=kind,
                symbol=symbol,
                data_version=data_version,
                state=state,
                problem=problem,
            )
            append("analytics", _stream(forecast_id), refused, now=now)
        finish(job, state, problem=problem)


def cancel_forecast(*, forecast_id: UUID) -> None:
    """Take back both forecasts of a job that no worker has begun; what was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    forecast = Forecast.objects.using("analytics").filter(id=forecast_id).first()
    if forecast is None:
        raise NotFound(f"There is no forecast {forecast_id}.")
    if forecast.state != "cancelled":
        cancel_job("analytics", Q(kind=JOB_KIND, key=_job_key(forecast.symbol, forecast.data_version)))


def _score_forecasts(bars: AdjustedBars, *, now: datetime) -> None:
    """Record the new scores in the forecasts' own transaction, since reports read both, but never at their cost.

    Scores that cannot be made are logged, and made from the next version. Faults that pass repeat the job.
    """
    try:
        with transaction.atomic(using="analytics"):
            append("analytics", f"forecast_score-{bars.symbol}", *new_scores(bars), now=now)
    except (StreamConflict, OperationalError, InterfaceError):
        raise
    except Exception:  # whatever is wrong with a score, the forecasts beside it are good
        log.exception("forecasts_not_scored", symbol=bars.symbol, data_version=bars.version)


def _outcome(
    bars: AdjustedBars, *, symbol: str, data_version: int, kind: str
) -> ForecastIssued | ForecastRefused:
    try:
        return _issued(bars, symbol=symbol, data_version=data_version, kind=kind)
    except BellwetherError as error:
        if error.status >= 500:
            raise
        return ForecastRefused(
            forecast_id=forecast_id_for(symbol=symbol, data_version=data_version, kind=kind),
            kind=kind,
            symbol=symbol,
            data_version=data_version,
            state="refused",
            problem=error.as_problem(),
        )


def _issued(bars: AdjustedBars, *, symbol: str, data_version: int, kind: str) -> ForecastIssued:
    back = BACK_SESSIONS[kind]
    if len(bars.sessions) < LOOKBACK_CLOSES + back:
        raise InsufficientHistory(
            symbol=symbol, needed_sessions=LOOKBACK_CLOSES + back, present_sessions=len(bars.sessions)
        )
    origin = len(bars.sessions) - 1 - back
    path = shipped_model().forecast(bars.close[origin + 1 - LOOKBACK_CLOSES : origin + 1], symbol=symbol)
    origin_session: date = bars.sessions[origin].item()
    return ForecastIssued(
        forecast_id=forecast_id_for(symbol=symbol, data_version=data_version, kind=kind),
        kind=kind,
        symbol=symbol,
        data_version=data_version,
        basis=Basis.TOTAL_RETURN.value,
        model=MODEL,
        model_version=MODEL_VERSION,
        model_sha256=shipped_model().sha256,
        model_scores=_model_scores(shipped_model().manifest),
        calendar_version=calendar_version("analytics"),
        origin_session=origin_session,
        origin_close=path.origin_close,
        target_sessions=_targets(origin_session),
        point=_floats(path.point),
        quantiles={str(level): _floats(path.quantiles[row]) for row, level in enumerate(QUANTILES)},
        random_walk=_floats(path.random_walk().point),
        volatility=path.scale,
    )


def _model_scores(manifest: Mapping[str, Any]) -> dict[str, Any]:
    overall, test = manifest["scores"]["overall"], manifest["blocks"]["test"]
    return {
        "trained_until": manifest["blocks"]["calibration"]["last_target"],
        "first_session": test["first_origin"],
        "last_session": test["last_target"],
        "forecast_count": test["rows"],
        "mae_rw_ratio": overall["mae_ratio"],
        "coverage80_ratio": overall["coverage80_ratio"],
        "coverage95_ratio": overall["coverage95_ratio"],
    }


def _targets(origin_session: date) -> tuple[date, ...]:
    """Return the 30 sessions of the calendar after the origin, whether or not a bar of them is stored."""
    sessions = sessions_after("analytics", origin_session, HORIZON_SESSIONS)
    if len(sessions) < HORIZON_SESSIONS:
        raise CalendarTooShort(
            f"The calendar has {len(sessions)} sessions after {origin_session}; {HORIZON_SESSIONS} are needed."
        )
    return sessions


def _floats(values: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _inputs_hash(symbol: str, data_version: int, kind: str) -> str:
    return body_hash(
        dumps(
            {
                "symbol": symbol,
                "data_version": data_version,
                "kind": kind,
                "model": f"{MODEL}/{MODEL_VERSION}",
            }
        )
    )


def _job_key(symbol: str, data_version: int) -> str:
    return f"{symbol}:{data_version}"


def _stream(forecast_id: UUID) -> str:
    return f"forecast-{forecast_id}"
