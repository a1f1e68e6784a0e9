"""Asks providers and records what they say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from services.ingest.fetches.domain import Asked, Gathered
from services.ingest.fetches.models import Answer, Fetch
from services.ingest.fetches.outcome import completed_event
from services.ingest.fetches.selectors import fetches, ready_names, stored_sessions
from services.ingest.indexes.domain import resolve_symbol
from services.ingest.indexes.services import adopt_history, lock_names
from services.ingest.market.domain import SourcesDisagree
from services.ingest.market.services import Recording, record_series
from services.ingest.providers.domain import DailySeries, UnknownSymbol
from services.ingest.providers.registry import (
    AUTO,
    BUNDLED,
    REMOTE_NAMES,
    provider_names,
    require_provider,
)
from services.ingest.quota.selectors import require_ready
from services.ingest.sessions.domain import NEW_YORK
from shared.contracts.codec import to_json
from shared.contracts.market_data import LookupFailed, LookupRequested
from shared.contracts.prices import FetchFailed, FetchRequested
from shared.errors import BellwetherError, NotFound, ValidationFailed
from shared.eventstore.append import append
from shared.eventstore.jobs import JobAlreadyOpen, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job

JOB_KIND = "fetch"
NO_OTHER_SOURCE = (
    "No other provider has a key: `bellwether key alphavantage` takes one, `bellwether import` a file."
)


class OtherFetchOpen(BellwetherError):
    """Raised when the symbol is being fetched from another provider or for another range; ask again later."""

    status, slug, title = 409, "other-fetch-open", "Another fetch of the symbol is under way"
    retry_after_seconds = 1


class FetchedToday(BellwetherError):
    """Raised when the same was fetched today and once a day is enough; `fetch_id` names the day's last that tells it."""

    status, slug, title = 409, "fetched-today", "The prices were fetched today"


def request_fetch(
    *,
    fetch_id: UUID,
    symbol: str,
    provider: str,
    start: date | None,
    end: date | None,
    now: datetime,
    with_actions: bool = True,
    reason: str | None = None,
    once_a_day: bool = False,
) -> None:
    """Queue a fetch of `symbol`; `once_a_day`, unless it succeeded on the UTC day of `now`.

    `provider` may be `auto`: whoever is ready, in the order of the history plan. A vendor is asked for the name
    that a renamed symbol has now, and the fetch is of that one. `reason` says why it is asked when no person did.

    Raises UnknownProvider, UnknownSymbol, KeyMissing and ProviderOff when nobody can be asked, ValidationFailed
    for a range that is upside down, JobAlreadyOpen naming the fetch when just this is under way, OtherFetchOpen
    when something else of the symbol is, and FetchedToday.
    """
    require_provider(provider)
    symbol = _name_to_ask(symbol, provider=provider, now=now)
    _require_source(symbol=symbol, provider=provider, now=now)
    if start and end and start > end:
        raise ValidationFailed(f"start {start} is after end {end}.")
    asked = Asked(symbol=symbol, provider=provider, start=start, end=end, with_actions=with_actions)
    event = _requested(fetch_id, asked, reason=reason)
    try:
        queue_work(
            event,
            job_id=fetch_id,
            kind=JOB_KIND,
            key=symbol,
            now=now,
            refuse_if_done=partial(_refuse_if_done, event, now=now) if once_a_day else None,
        )
    except JobAlreadyOpen as under_way:
        other = fetches().filter(id=under_way.extra["job_id"]).first()
        if other is None or (other.provider, other.start, other.end) != (provider, start, end):
            raise _other_fetch(symbol, other) from None
        raise


def _name_to_ask(symbol: str, *, provider: str, now: datetime) -> str:
    is_remote = provider in REMOTE_NAMES or (provider == AUTO and ready_names())
    return resolve_symbol(symbol, on=now.astimezone(NEW_YORK).date()) if is_remote else symbol


def _require_source(*, symbol: str, provider: str, now: datetime) -> None:
    """Accept a symbol that somebody may be asked for. Raises UnknownSymbol, KeyMissing and ProviderOff."""
    if provider in REMOTE_NAMES:
        require_ready(provider, now=now)
    elif symbol not in BUNDLED.symbols() and (provider == BUNDLED.name or not ready_names()):
        advice = "" if provider == BUNDLED.name else f" {NO_OTHER_SOURCE}"
        raise UnknownSymbol(symbol=symbol, provider=BUNDLED.name, known=BUNDLED.symbols(), advice=advice)


def _refuse_if_done(event: FetchRequested, *, now: datetime) -> None:
    done = Fetch.objects.using("ingest").filter(
        symbol=event.symbol,
        start=event.start,
        end=event.end,
        state__in=("succeeded", "partial"),
        finished_at__date=now.astimezone(UTC).date(),
    )
    if done.filter(provider=event.provider).exists():
        newest = done.filter(_answers_too(event.provider)).latest("finished_at")
        raise FetchedToday(f"{event.symbol} was fetched today.", fetch_id=str(newest.id))


def _answers_too(provider: str) -> Q:
    """Return which fetches tell what one from `provider` would: those that asked it, and for the plan any."""
    if provider == AUTO:
        return Q(provider__in=provider_names())
    return Q(provider=provider) | Q(sources__contains=[{"provider": provider}])


def queue_work(
    event: FetchRequested | LookupRequested,
    *,
    job_id: UUID,
    kind: str,
    key: str,
    now: datetime,
    refuse_if_done: Callable[[], None] | None,
) -> None:
    """Record what is asked and queue its job, unless it is done by now. Raises JobAlreadyOpen.

    One that was under way before may be done only once this is queued; from then on there is none, so
    `refuse_if_done` looks twice.
    """
    if refuse_if_done:
        refuse_if_done()
    with transaction.atomic(using="ingest", durable=True):
        recorded = append("ingest", f"{kind}-{job_id}", event, now=now, expected_version=0)
        enqueue(
            "ingest",
            job_id=job_id,
            kind=kind,
            key=key,
            payload=to_json(event),
            causation_id=recorded[-1].event_id,
        )
        if refuse_if_done:
            refuse_if_done()


def _other_fetch(symbol: str, other: Any) -> OtherFetchOpen:
    if other is None or other.resumes_at is None:
        return OtherFetchOpen(f"Another fetch of {symbol} is under way; ask again when it is done.")
    return OtherFetchOpen(
        f"A fetch of {symbol} from {other.provider} waits for its quota until {other.resumes_at:%Y-%m-%d %H:%M} UTC:"
        f" cancel it with DELETE /api/v1/fetches/{other.id}/, or wait.",
        fetch_id=str(other.id),
        resumes_at=other.resumes_at.isoformat(),
    )


def keep_answer(*, asked_by: UUID, provider: str, call: str, body: bytes, now: datetime) -> None:
    """Keep an answer until the fetch or lookup ends; one that was kept before stays."""
    answer = Answer(asked_by=asked_by, provider=provider, call=call, body=body, received_at=now)
    Answer.objects.using("ingest").bulk_create([answer], ignore_conflicts=True)


def forget_answers(*, asked_by: UUID) -> None:
    """Drop what was kept for a fetch or lookup, in the transaction that ends it."""
    Answer.objects.using("ingest").filter(asked_by=asked_by).delete()


def complete_fetch(*, job: LeasedJob, asked: Asked, gathered: Gathered, now: datetime) -> None:
    """Record all answers of a fetch and end its job.

    Under the history plan a source that disagrees with what is stored is left out and named. Raises
    SourcesDisagree, and NothingFound.
    """
    with transaction.atomic(using="ingest", durable=True):
        lock_names(symbol=asked.symbol)
        recordings, shortfalls = [], list(gathered.shortfalls)
        for series in gathered.series:
            if not series.bars and not stored_sessions(asked.symbol):
                continue  # actions of prices that nobody told
            try:
                with transaction.atomic(using="ingest"):
                    recordings.append((series, record_series(series=series, fetch_id=job.id, now=now)))
            except SourcesDisagree as disagreement:
                if asked.provider != AUTO:
                    raise
                shortfalls.append(disagreement.detail)
        adopt_history(symbol=asked.symbol, now=now)
        told = replace(gathered, shortfalls=tuple(shortfalls))
        completed = completed_event(job.id, asked, told, recordings, now=now)
        append("ingest", _stream(job.id), completed, now=now)
        forget_answers(asked_by=job.id)
        finish(job, completed.state)


def fail_fetch(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record that a fetch job brought nothing, and why."""
    fail_work(
        FetchFailed(fetch_id=job.id, state=state, symbol=job.payload["symbol"], problem=problem),
        job=job,
        now=now,
    )


def fail_work(event: FetchFailed | LookupFailed, *, job: LeasedJob, now: datetime) -> None:
    """Record why a job brought nothing, and end it."""
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", f"{job.kind}-{job.id}", event, now=now)
        forget_answers(asked_by=job.id)
        finish(job, event.state, problem=event.problem)


def cancel_fetch(*, fetch_id: UUID) -> None:
    """Take back a fetch that no worker has begun; one that was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    fetch = Fetch.objects.using("ingest").filter(id=fetch_id).first()
    if fetch is None:
        raise NotFound(f"There is no fetch {fetch_id}.")
    if fetch.state != "cancelled":
        cancel_job("ingest", Q(id=fetch_id))


def import_series(*, fetch_id: UUID, series: DailySeries, now: datetime, replaces: bool = False) -> Recording:
    """Record the rows of a parsed file at once, as a fetch of its own, and return what became of them.

    What another provider told stays as it is, unless the file `replaces` it. Raises SourcesDisagree.
    """
    asked = Asked(symbol=series.symbol, provider=series.provider, start=None, end=None, with_actions=True)
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", _stream(fetch_id), _requested(fetch_id, asked), now=now, expected_version=0)
        lock_names(symbol=series.symbol)
        recording = record_series(series=series, fetch_id=fetch_id, now=now, replaces=replaces)
        adopt_history(symbol=series.symbol, now=now)
        completed = completed_event(
            fetch_id, asked, Gathered(series=(series,)), [(series, recording)], now=now
        )
        append("ingest", _stream(fetch_id), completed, now=now)
    return recording


def _requested(fetch_id: UUID, asked: Asked, *, reason: str | None = None) -> FetchRequested:
    return FetchRequested(
        fetch_id=fetch_id,
        symbol=asked.symbol,
        provider=asked.provider,
        start=asked.start,
        end=asked.end,
        with_actions=asked.with_actions,
        reason=reason,
    )


def _stream(fetch_id: UUID) -> str:
    return f"fetch-{fetch_id}"
