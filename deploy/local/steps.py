"""What the commands do: ask a service, wait until the worker has done it, and return plain values."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid6 import uuid7

from deploy.local import output
from deploy.local.system import Worker, open_system, working
from deploy.local.waiting import StepFailed, require_success, wait_for
from services.ingest.providers.domain import UnknownSymbol
from shared.errors import BellwetherError
from shared.observability.correlation import Cause, caused_by

LONG_WAIT = timedelta(minutes=1)

# Models may only be imported once Django is loaded, so each step imports what it needs.


class UnwritableFolder(BellwetherError):
    """Raised when the folder for a report's files cannot be written."""

    status, slug, title = 400, "unwritable-folder", "The folder cannot be written"


@contextmanager
def as_command() -> Iterator[None]:
    """Give everything inside one correlation id."""
    with caused_by(Cause(_new_id())):
        yield


@contextmanager
def worker_for_command() -> Iterator[Worker]:
    """Open the system with a worker for one command."""
    with open_system() as system, working(system) as worker, as_command():
        yield worker


def fetch(
    symbol: str, *, provider: str, worker: Worker, start: date | None = None, end: date | None = None
) -> dict[str, Any]:
    """Fetch a symbol and wait for its end, or until it waits for a quota.

    Raises StepFailed with the job when it brought nothing.
    """
    from django.utils import timezone

    from services.ingest.fetches.selectors import fetch_by_id
    from services.ingest.fetches.services import request_fetch
    from shared.eventstore.jobs import JobAlreadyOpen

    fetch_id = _new_id()
    try:
        request_fetch(
            fetch_id=fetch_id, symbol=symbol, provider=provider, start=start, end=end, now=timezone.now()
        )
    except JobAlreadyOpen as open_job:
        fetch_id = UUID(open_job.extra["job_id"])
    row: Any = wait_for(lambda: fetch_by_id(fetch_id), worker=worker, is_enough=_waits_for_long)
    job = _job_of(row)
    if row.problem:
        ended = {"refused": "was refused", "cancelled": "was cancelled"}.get(row.state, "failed")
        raise StepFailed(f"The fetch of {symbol} {ended}: {row.problem['detail']}", job=job)
    return job


def _job_of(row: Any) -> dict[str, Any]:
    """Return what a fetch brought, or what it waits for."""
    return {
        "id": str(row.id),
        "symbol": row.symbol,
        "provider": row.provider,
        "status": row.state,
        "version": row.version,
        "changed": row.changed,
        "added_count": row.added_count,
        "corrected_count": row.corrected_count,
        "actions_changed_count": row.actions_changed_count,
        "first_session": _text(row.first_session),
        "last_session": _text(row.last_session),
        "bar_count": row.bar_count,
        "inner_gaps": row.inner_gaps,
        "reason": row.reason,
        "sources": row.sources,
        "rejected_count": row.rejected_count,
        "disagreeing_count": row.disagreeing_count,
        "quarantine_id": row.quarantine_id and str(row.quarantine_id),
        "quarantined_count": row.quarantined_count,
        "resumes_at": row.resumes_at and row.resumes_at.isoformat(timespec="seconds"),
        "error": row.live_problem,
    }


def _waits_for_long(row: Any) -> bool:
    """Return whether work waits for a provider's quota longer than a person would."""
    from django.utils import timezone

    return row.resumes_at is not None and row.resumes_at - timezone.now() > LONG_WAIT


def fetch_all(symbols: list[str], *, provider: str, worker: Worker) -> list[dict[str, Any]]:
    """Fetch symbols one after the other; return each one's job, or only why there is none. Raises UnknownProvider."""
    jobs: list[dict[str, Any]] = []
    for symbol in symbols:
        try:
            with output.step(f"Fetch {symbol} from {provider}"):
                jobs.append(fetch(symbol, provider=provider, worker=worker))
        except StepFailed as failed:
            output.print_problem(failed, as_json=False)
            jobs.append(failed.extra["job"])
        except UnknownSymbol as unknown:
            output.print_problem(unknown, as_json=False)
            jobs.append({"symbol": symbol, "status": "refused", "error": unknown.as_problem()})
    return jobs


def backtest(symbol: str, *, options: dict[str, Any], worker: Worker) -> dict[str, Any]:
    """Run a backtest on the newest prices and wait for it. Raises StepFailed, NoPrices, InsufficientHistory."""
    from django.utils import timezone

    from services.analytics.backtests.prices import newest_inputs
    from services.analytics.backtests.services import start_backtest

    inputs = newest_inputs(symbol=symbol, **options)
    return finished_run(start_backtest(inputs=inputs, now=timezone.now()), worker=worker)


def standing_run(symbol: str, *, version: int, worker: Worker) -> dict[str, Any]:
    """Wait for the run that the symbol's last price update started."""
    from services.analytics.backtests.services import standing_inputs

    return finished_run(standing_inputs(symbol=symbol, data_version=version).run_id, worker=worker)


def finished_run(run_id: UUID, *, worker: Worker) -> dict[str, Any]:
    """Wait for a run and return it. Raises StepFailed when it was refused or failed."""
    from services.analytics.backtests.selectors import run_by_id

    run = wait_for(lambda: run_by_id(run_id), worker=worker)
    require_success("backtest", run)
    return {
        "run_id": str(run.id),
        "symbol": run.symbol,
        "status": run.state,
        "data_cut": run.data_cut,
        "basis": run.basis,
        "strategy": run.strategy,
        "strategy_version": run.strategy_version,
        "parameters": run.parameters,
        "options": run.options,
        "initial_capital": format(run.initial_capital, "f"),
        "commission_bps": format(run.commission_bps, "f"),
        "slippage_bps": format(run.slippage_bps, "f"),
        "first_session": _text(run.first_session),
        "last_session": _text(run.last_session),
        "session_count": run.session_count,
        "trade_count": run.trade_count,
        "metrics_version": run.metrics_version,
        "result_hash": run.result_hash,
        "metrics": run.metrics,
        "benchmark_metrics": run.benchmark_metrics,
        "index_metrics": run.index_metrics,
        "truth": run.truth,
        "outdated_by_version": run.outdated_by_version,
    }


def forecast(symbol: str, *, worker: Worker) -> dict[str, Any]:
    """Forecast from the newest prices and wait for it. Raises StepFailed, NoPrices, InsufficientHistory."""
    from django.utils import timezone

    from services.analytics.forecasting.services import start_forecast
    from shared.pricing.reader import latest_version

    version = latest_version("analytics", symbol)
    forecast_id = start_forecast(symbol=symbol, data_version=version, now=timezone.now())
    return finished_forecast(forecast_id, worker=worker)


def standing_forecast(symbol: str, *, version: int, worker: Worker) -> dict[str, Any]:
    """Wait for the forecast that the symbol's last price update started."""
    from services.analytics.forecasting.services import forecast_id_for

    return finished_forecast(forecast_id_for(symbol=symbol, data_version=version, kind="live"), worker=worker)


def finished_forecast(forecast_id: UUID, *, worker: Worker) -> dict[str, Any]:
    """Wait for a forecast and return it. Raises StepFailed when it was refused or failed."""
    from services.analytics.forecasting.selectors import forecast_by_id, points_of

    row = wait_for(lambda: forecast_by_id(forecast_id), worker=worker)
    require_success("forecast", row)
    return {
        "forecast_id": str(row.id),
        "symbol": row.symbol,
        "data_cut": {row.symbol: row.data_version},
        "basis": row.basis,
        "model": row.model,
        "model_version": row.model_version,
        "model_sha256": row.model_sha256,
        "origin_session": _text(row.origin_session),
        "origin_close": row.origin_close,
        "points": [
            {
                "session": point.target_session.isoformat(),
                "point": point.point,
                "low95": point.q025,
                "low80": point.q100,
                "high80": point.q900,
                "high95": point.q975,
                "random_walk": point.random_walk,
            }
            for point in points_of(row.id)
        ],
    }


def report(symbol: str, *, out: Path, worker: Worker) -> dict[str, Any]:
    """Wait for the report on the newest prices of a symbol and write its files; one that failed is tried again.

    Raises NoPrices, RenamedSymbol and WorkCancelled, and StepFailed when it fails (again).
    """
    from django.utils import timezone

    from services.reports.documents.selectors import file_of, work_on_newest_prices
    from services.reports.documents.services import renew_report

    renew_report(symbol=symbol, now=timezone.now())
    row: Any = wait_for(lambda: work_on_newest_prices(symbol), worker=worker)
    require_success("report", row)
    return {
        "report_id": str(row.id),
        "symbol": symbol,
        "data_cut": {symbol: row.data_version},
        "document_hash": row.document_hash,
        "files": _write_files({form: file_of(row, form) for form in ("pdf", "json", "png")}, symbol, out),
    }


def _write_files(bodies: dict[str, bytes], symbol: str, out: Path) -> dict[str, str]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths = {form: (out / f"{symbol}.{form}").resolve() for form in bodies}
        for form, body in bodies.items():
            draft = paths[form].with_suffix(f".{form}.partial")
            draft.write_bytes(body)
            draft.replace(paths[form])
    except OSError as error:
        raise UnwritableFolder(f"{out} cannot be written: {error.strerror}.") from None
    return {form: str(path) for form, path in paths.items()}


def _new_id() -> UUID:
    return UUID(str(uuid7()))


def _text(value: date | None) -> str | None:
    return value.isoformat() if value else None
