"""Asks providers and records what they say."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from services.ingest.fetches.models import Fetch
from services.ingest.market.services import Recording, record_series
from services.ingest.providers.domain import DailySeries, UnknownSymbol
from services.ingest.providers.registry import provider_named
from services.ingest.sessions.domain import FIRST_DATE, LAST_DATE, sessions_between
from shared.contracts.codec import to_json
from shared.contracts.prices import FetchCompleted, FetchFailed, FetchRequested
from shared.errors import BellwetherError, NotFound, ValidationFailed
from shared.eventstore.append import append
from shared.eventstore.jobs import JobAlreadyOpen, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job

JOB_KIND = "fetch"
IMPORT_PROVIDER = "csv"


class OtherFetchOpen(BellwetherError):
    """Raised when the symbol is being fetched from another provider or for another range; ask again later."""

    status, slug, title = 409, "other-fetch-open", "Another fetch of the symbol is under way"
    retry_after_seconds = 1


class FetchedToday(BellwetherError):
    """Raised when the same was fetched today and once a day is enough; `fetch_id` names that fetch."""

    status, slug, title = 409, "fetched-today", "The prices were fetched today"


class NothingFound(BellwetherError):
    """Raised when a provider knows the symbol but has no bar in the asked range."""

    status, slug, title = 404, "nothing-found", "No prices in the asked range"


def request_fetch(
    *,
    fetch_id: UUID,
    symbol: str,
    provider: str,
    start: date | None,
    end: date | None,
    now: datetime,
    once_a_day: bool = False,
) -> None:
    """Queue a fetch of `symbol`; `once_a_day`, unless it succeeded on the UTC day of `now`.

    Raises UnknownProvider, UnknownSymbol, ValidationFailed for a range that is upside down, JobAlreadyOpen
    naming the fetch when just this is under way, OtherFetchOpen when something else of the symbol is, and
    FetchedToday.
    """
    known = provider_named(provider).symbols()
    if known is not None and symbol not in known:
        raise UnknownSymbol(symbol=symbol, provider=provider, known=known)
    if start and end and start > end:
        raise ValidationFailed(f"start {start} is after end {end}.")
    event = FetchRequested(
        fetch_id=fetch_id,
        symbol=symbol,
        provider=provider,
        start=start,
        end=end,
        with_actions=True,
        reason=None,
    )
    try:
        _queue(event, now=now, once_a_day=once_a_day)
    except JobAlreadyOpen as under_way:
        same = {"id": under_way.extra["job_id"], "provider": provider, "start": start, "end": end}
        if not Fetch.objects.using("ingest").filter(**same).exists():
            raise OtherFetchOpen(
                f"Another fetch of {symbol} is under way; ask again when it is done."
            ) from None
        raise


def _queue(event: FetchRequested, *, now: datetime, once_a_day: bool) -> None:
    if once_a_day:
        _refuse_if_done(event, now=now)
    with transaction.atomic(using="ingest", durable=True):
        recorded = append("ingest", _stream(event.fetch_id), event, now=now, expected_version=0)
        enqueue(
            "ingest",
            job_id=event.fetch_id,
            kind=JOB_KIND,
            key=event.symbol,
            payload=to_json(event),
            causation_id=recorded[-1].event_id,
        )
        if once_a_day:  # one that was under way before may be done only now; from here on there is none
            _refuse_if_done(event, now=now)


def _refuse_if_done(event: FetchRequested, *, now: datetime) -> None:
    same = {"symbol": event.symbol, "provider": event.provider, "start": event.start, "end": event.end}
    done = Fetch.objects.using("ingest").filter(
        **same, state__in=("succeeded", "partial"), finished_at__date=now.astimezone(UTC).date()
    )
    if found := done.order_by("-finished_at").first():
        raise FetchedToday(f"{event.symbol} was fetched today.", fetch_id=str(found.id))


def run_fetch(*, job: LeasedJob, now: datetime) -> None:
    """Ask the provider of a fetch job and record its answer. Raises what the provider raises."""
    start, end = (
        date.fromisoformat(text) if (text := job.payload[name]) else None for name in ("start", "end")
    )
    series = provider_named(job.payload["provider"]).fetch(job.payload["symbol"], start, end)
    if not series.bars:
        raise NothingFound(f"{series.provider} has no bar of {series.symbol} in the asked range.")
    with transaction.atomic(using="ingest", durable=True):
        recording = record_series(series=series, fetch_id=job.id, now=now)
        completed = _completed(job.id, series, recording, start=start, end=end)
        append("ingest", _stream(job.id), completed, now=now)
        finish(job, completed.state)


def fail_fetch(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record that a fetch job brought nothing, and why."""
    failed = FetchFailed(fetch_id=job.id, state=state, symbol=job.payload["symbol"], problem=problem)
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", _stream(job.id), failed, now=now)
        finish(job, state, problem=problem)


def cancel_fetch(*, fetch_id: UUID) -> None:
    """Take back a fetch that no worker has begun; one that was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    fetch = Fetch.objects.using("ingest").filter(id=fetch_id).first()
    if fetch is None:
        raise NotFound(f"There is no fetch {fetch_id}.")
    if fetch.state != "cancelled":
        cancel_job("ingest", Q(id=fetch_id))


def import_series(*, fetch_id: UUID, series: DailySeries, now: datetime) -> Recording:
    """Record the rows of a parsed file at once, as a fetch of its own, and return what became of them."""
    requested = FetchRequested(
        fetch_id=fetch_id,
        symbol=series.symbol,
        provider=series.provider,
        start=None,
        end=None,
        with_actions=True,
        reason=None,
    )
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", _stream(fetch_id), requested, now=now, expected_version=0)
        recording = record_series(series=series, fetch_id=fetch_id, now=now)
        completed = _completed(fetch_id, series, recording, start=None, end=None)
        append("ingest", _stream(fetch_id), completed, now=now)
    return recording


def _completed(
    fetch_id: UUID, series: DailySeries, recording: Recording, *, start: date | None, end: date | None
) -> FetchCompleted:
    sessions = [bar.session for bar in series.bars]
    first, last = sessions[0], sessions[-1]
    before = sessions_between(max(start, FIRST_DATE), first)[:1] if start else ()
    after = sessions_between(last, min(end, LAST_DATE))[-1:] if end else ()
    missing_before = before[0] if before and before[0] < first else None
    missing_after = after[0] if after and after[0] > last else None
    return FetchCompleted(
        fetch_id=fetch_id,
        state="partial" if missing_before or missing_after else "succeeded",
        symbol=series.symbol,
        version=recording.version,
        changed=recording.changed,
        first_session=first,
        last_session=last,
        bar_count=len(sessions),
        missing_before=missing_before,
        missing_after=missing_after,
        inner_gaps=tuple(sorted(set(sessions_between(first, last)) - set(sessions))),
        reason=None,
        sources=(),
        rejected_count=len(series.rejected),
        rejected=(),
        provisional_session=series.provisional_session,
        kept_count=0,
        compared_count=0,
        disagreeing_count=0,
        disagreements=(),
        quarantine_id=None,
        quarantined_count=0,
    )


def _stream(fetch_id: UUID) -> str:
    return f"fetch-{fetch_id}"
