"""What the forecasting app does with events."""

from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from services.analytics.forecasting.services import request_forecast
from services.analytics.forecasting.track_record import QUANTILE_COLUMNS
from shared.contracts.conclusions import ForecastIssued, ForecastRefused, ForecastRequested, ForecastsScored
from shared.contracts.prices import PricesUpdated
from shared.eventstore.registry import Recorded, register
from shared.pricing.versions import is_followed


def project_requested(recorded: Recorded[ForecastRequested]) -> None:
    """Show the forecast as queued; one that failed before starts afresh."""
    event = recorded.event
    Forecast.objects.using("analytics").update_or_create(
        id=event.forecast_id,
        defaults={
            "inputs_hash": event.inputs_hash,
            "kind": event.kind,
            "symbol": event.symbol,
            "data_version": event.data_version,
            "model": event.model,
            "model_version": event.model_version,
            "state": "queued",
            "problem": None,
            "finished_at": None,
            "created_at": recorded.envelope.occurred_at,
        },
    )


def project_issued(recorded: Recorded[ForecastIssued]) -> None:
    """Show the forecast and its 30 sessions."""
    event = recorded.event
    Forecast.objects.using("analytics").filter(id=event.forecast_id).update(
        state="succeeded",
        basis=event.basis,
        model_sha256=event.model_sha256,
        model_scores=event.model_scores,
        calendar_version=event.calendar_version,
        origin_session=event.origin_session,
        origin_close=event.origin_close,
        volatility=event.volatility,
        finished_at=recorded.envelope.occurred_at,
    )
    levels = sorted(event.quantiles, key=float)
    ForecastPoint.objects.using("analytics").bulk_create(
        ForecastPoint(
            forecast_id=event.forecast_id,
            horizon=index + 1,
            target_session=session,
            point=event.point[index],
            random_walk=event.random_walk[index],
            **{
                column: event.quantiles[level][index]
                for column, level in zip(QUANTILE_COLUMNS, levels, strict=True)
            },
        )
        for index, session in enumerate(event.target_sessions)
    )


def project_refused(recorded: Recorded[ForecastRefused]) -> None:
    """Show why there is no forecast."""
    event = recorded.event
    Forecast.objects.using("analytics").filter(id=event.forecast_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


def project_scores(recorded: Recorded[ForecastsScored]) -> None:
    """Keep each forecast's score, with the actual prices, under the version of the prices that gave it."""
    ForecastScore.objects.using("analytics").bulk_create(
        ForecastScore(
            forecast_id=score["forecast_id"],
            data_version=recorded.event.data_version,
            actual=score["actual"],
            scored_count=score["scored_count"],
            mae_rw_ratio=score["mae_rw_ratio"],
            pinball_rw_ratio=score["pinball_rw_ratio"],
            coverage80_ratio=score["coverage80_ratio"],
            coverage95_ratio=score["coverage95_ratio"],
        )
        for score in recorded.event.scores
    )


def start_standing_forecast(recorded: Recorded[PricesUpdated]) -> None:
    """Forecast from the new prices, once from all that a fetch brought."""
    event = recorded.event
    if is_followed("analytics", event.symbol, version=event.version, fetch_id=event.fetch_id):
        return
    request_forecast(symbol=event.symbol, data_version=event.version, now=recorded.envelope.occurred_at)


register(
    "analytics",
    projectors={
        ForecastRequested: (project_requested,),
        ForecastIssued: (project_issued,),
        ForecastRefused: (project_refused,),
        ForecastsScored: (project_scores,),
    },
    reactors={PricesUpdated: (start_standing_forecast,)},
    projections=(Forecast, ForecastPoint, ForecastScore),
)
