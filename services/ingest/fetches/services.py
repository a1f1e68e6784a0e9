"""Asks providers and records what they say."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from services.ingest.fetches.domain import Asked, Gathered, coverage_of, shortfall_of
from services.ingest.fetches.models import Answer, Fetch
from services.ingest.fetches.selectors import fetches, ready_names, stored_sessions
from services.ingest.indexes.domain import resolve_symbol
from services.ingest.indexes.services import adopt_history, lock_names
from services.ingest.market.domain import SourcesDisagree
from services.ingest.market.selectors import instrument_named
from services.ingest.market.services import Recording, record_series
from services.ingest.providers.domain import DailySeries, UnknownSymbol
from services.ingest.providers.registry import AUTO, BUNDLED, REMOTE_NAMES, require_provider
from services.ingest.quota.selectors import require_ready
from services.ingest.sessions.domain import NEW_YORK
from shared.contracts.codec import to_json
from shared.contracts.prices import FetchCompleted, FetchFailed, FetchRequested
from shared.errors import BellwetherError, NotFound, ValidationFailed
from shared.eventstore.append import append
from shared.eventstore.jobs import JobAlreadyOpen, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job

JOB_KIND = "fetch"
NAMED_REJECTED = 100
NO_OTHER_SOURCE = (
    "No other provider has a key: `bellwether key alphavantage` takes one, `bellwether import` a file."
)


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
        _queue(event, now=now, once_a_day=once_a_day)
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


def _other_fetch(symbol: str, other: Any) -> OtherFetchOpen:
    if other is None or other.resumes_at is None:
        return OtherFetchOpen(f"Another fetch of {symbol} is under way; ask again when it is done.")
    return OtherFetchOpen(
        f"A fetch of {symbol} from {other.provider} waits for its quota until {other.resumes_at:%Y-%m-%d %H:%M} UTC:"
        f" cancel it with DELETE /api/v1/fetches/{other.id}/, or wait.",
        fetch_id=str(other.id),
        resumes_at=other.resumes_at.isoformat(),
    )


def keep_answer(*, fetch_id: UUID, provider: str, call: str, body: bytes, now: datetime) -> None:
    """Keep an answer until the fetch ends; one that was kept before stays."""
    answer = Answer(fetch_id=fetch_id, provider=provider, call=call, body=body, received_at=now)
    Answer.objects.using("ingest").bulk_create([answer], ignore_conflicts=True)


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
        completed = _completed(job.id, asked, told, recordings, now=now)
        append("ingest", _stream(job.id), completed, now=now)
        _forget_answers(job.id)
        finish(job, completed.state)


def fail_fetch(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record that a fetch job brought nothing, and why."""
    failed = FetchFailed(fetch_id=job.id, state=state, symbol=job.payload["symbol"], problem=problem)
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", _stream(job.id), failed, now=now)
        _forget_answers(job.id)
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
        completed = _completed(fetch_id, asked, Gathered(series=(series,)), [(series, recording)], now=now)
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


def _completed(
    fetch_id: UUID,
    asked: Asked,
    gathered: Gathered,
    recordings: Sequence[tuple[DailySeries, Recording]],
    *,
    now: datetime,
) -> FetchCompleted:
    coverage = coverage_of(_asked_sessions(asked, gathered), asked, now=now)
    reason = shortfall_of(coverage, gathered, asked, now=now)
    held_back = [each.quarantine_id for _, each in recordings if each.quarantine_id]
    rejected = [(series.provider, row) for series in gathered.series for row in series.rejected]
    provisional = [series.provisional_session for series in gathered.series if series.provisional_session]
    return FetchCompleted(
        fetch_id=fetch_id,
        state="partial" if reason else "succeeded",
        symbol=asked.symbol,
        version=instrument_named(asked.symbol).version,
        changed=any(each.changed for _, each in recordings),
        first_session=coverage.first_session,
        last_session=coverage.last_session,
        bar_count=coverage.bar_count,
        missing_before=coverage.missing_before,
        missing_after=coverage.missing_after,
        inner_gaps=coverage.inner_gaps,
        reason=reason,
        sources=tuple(_source(series) for series, _ in recordings),
        rejected_count=len(rejected),
        rejected=tuple({"provider": name, **asdict(row)} for name, row in rejected[:NAMED_REJECTED]),
        provisional_session=provisional[0] if provisional else None,
        kept_count=sum(each.kept_count for _, each in recordings),
        compared_count=sum(each.compared_count for _, each in recordings),
        disagreeing_count=sum(each.disagreeing_count for _, each in recordings),
        disagreements=tuple(item for _, each in recordings for item in each.disagreements),
        quarantine_id=held_back[0] if held_back else None,
        quarantined_count=sum(each.quarantined_count for _, each in recordings),
    )


def _asked_sessions(asked: Asked, gathered: Gathered) -> tuple[date, ...]:
    sessions = stored_sessions(asked.symbol, start=asked.start, end=asked.end)
    if not sessions:
        why = ". ".join([f"There is no bar of {asked.symbol} in the asked range", *gathered.kept_back])
        raise NothingFound(f"{why}.")
    return sessions


def _source(series: DailySeries) -> dict[str, Any]:
    sessions = [bar.session.isoformat() for bar in series.bars]
    return {
        "provider": series.provider,
        "first_session": sessions[0] if sessions else None,
        "last_session": sessions[-1] if sessions else None,
        "bar_count": len(sessions),
    }


def _forget_answers(fetch_id: UUID) -> None:
    Answer.objects.using("ingest").filter(fetch_id=fetch_id).delete()


def _stream(fetch_id: UUID) -> str:
    return f"fetch-{fetch_id}"
