"""The fetch job: ask whoever may have the prices, call by call, and record all of it at the end.

A job that has to wait for a provider's quota is a row until then, and begins anew: what was answered is kept
with the fetch, so no call is made twice.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from services.ingest.fetches.domain import (
    Asked,
    Gathered,
    lacks_history,
    lacks_recent,
    shows_jump,
    told_of,
    within,
)
from services.ingest.fetches.outcome import NothingFound
from services.ingest.fetches.selectors import (
    answers_to,
    gave_all_before,
    newest_provider,
    ready_names,
    stored_sessions,
)
from services.ingest.fetches.services import JOB_KIND, complete_fetch, fail_fetch, keep_answer
from services.ingest.providers.calls import RemoteProvider, SeriesRequest
from services.ingest.providers.domain import DailySeries
from services.ingest.providers.faults import BadProviderData, NotInPlan, SymbolRefused
from services.ingest.providers.registry import AUTO, BUNDLED, remote_provider
from services.ingest.quota.selectors import capabilities_of
from services.ingest.quota.services import ask
from services.ingest.sessions.domain import NEW_YORK
from shared.errors import BellwetherError
from shared.eventstore.jobs import JobKind, LeasedJob, WaitingForQuota, register_jobs
from shared.observability.kill_points import reached

HISTORY_SOURCE = "tiingo"
SHORT_WAIT = timedelta(seconds=30)  # is for the pace of calls: another provider would hardly be faster

type Clock = Callable[[], datetime]


def run(job: LeasedJob, *, clock: Clock = timezone.now) -> None:
    """Ask and record. Raises what the providers raise, and WaitingForQuota."""
    asked = Asked.of(job.payload)
    if asked.provider == AUTO:
        gathered = _by_plan(job.id, asked, clock=clock)
    elif asked.provider == BUNDLED.name:
        gathered = Gathered(series=(_bundled(asked),))
    else:
        held = stored_sessions(asked.symbol)
        series = _remote(job.id, asked.provider, asked, held, clock=clock)
        gathered = Gathered(
            series=(series,) if series else (),
            kept_back=tuple(_kept_back(asked.provider, series)),
            is_current=True,
        )
    complete_fetch(job=job, asked=asked, gathered=gathered, now=clock())
    reached("fetch.committed")


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record that nothing came of it."""
    fail_fetch(job=job, state=state, problem=problem, now=timezone.now())


def _by_plan(fetch_id: UUID, asked: Asked, *, clock: Clock) -> Gathered:
    """Ask one provider after the other until nothing is lacking: stored rows, whoever is newest, the others.

    Only those without a key or switched off are passed over in silence; what another failed with is told. Raises
    why nobody has the newest sessions, if that may pass or nobody answered.
    """
    names = _in_order(asked.symbol)
    if not names:
        return Gathered(series=(_bundled(asked),))
    held = stored_sessions(asked.symbol)
    have, series, faults, kept_back = list(held), list[DailySeries](), list[BellwetherError](), list[str]()
    told = list[str]()
    for name in names:
        if not _is_worth_asking(name, have, asked, now=clock()):
            if lacks_history(have, asked) and capabilities_of(name).get("full_history") is False:
                kept_back.append(_not_in_plan(name))
            continue
        try:
            one = _remote(fetch_id, name, asked, held, clock=clock)
        except BellwetherError as fault:
            if isinstance(fault, WaitingForQuota) and fault.until - clock() <= SHORT_WAIT:
                raise
            faults.append(fault)
            told.append(told_of(name, fault.detail))
            continue
        kept_back += _kept_back(name, one)
        series += [one] if one else []
        have = sorted({*held, *(bar.session for each in series for bar in each.bars)})
    if kept_back and HISTORY_SOURCE not in names:
        kept_back.append(f"`bellwether key {HISTORY_SOURCE}` or `bellwether import FILE` brings them")
    waits = [fault for fault in faults if isinstance(fault, WaitingForQuota)]
    is_lacking = lacks_recent(have, asked, now=clock())
    if (faults and is_lacking and not series) or (waits and (is_lacking or not within(have, asked))):
        decisive = min(faults, key=partial(_again_at, now=clock())) if waits else faults[0]
        decisive.detail = f"{'. '.join(told)}."
        raise decisive
    return Gathered(
        series=tuple(series),
        shortfalls=tuple(told),
        kept_back=tuple(kept_back),
        is_current=True,
    )


def _again_at(fault: BellwetherError, *, now: datetime) -> datetime:
    """Return when to ask again after a fault; never, where it does not pass."""
    if isinstance(fault, WaitingForQuota):
        return fault.until
    if fault.status < 500 or fault.retry_after_seconds is None:
        return datetime.max.replace(tzinfo=UTC)
    return now + timedelta(seconds=fault.retry_after_seconds)


def _kept_back(name: str, series: DailySeries | None) -> Iterator[str]:
    if series is None:
        yield _not_in_plan(name)
    elif series.is_cut_short:
        yield f"{name} gave the last {len(series.bars)} sessions only"


def _not_in_plan(name: str) -> str:
    return f"The plan of the key of {name} does not include older sessions"


def _in_order(symbol: str) -> list[str]:
    """Return who may be asked, first who told the newest stored bar: a series has few seams."""
    newest = newest_provider(symbol)
    return sorted(ready_names(), key=lambda name: name != newest)


def _is_worth_asking(name: str, have: list[date], asked: Asked, *, now: datetime) -> bool:
    if lacks_recent(have, asked, now=now):
        return True
    if not lacks_history(have, asked) or capabilities_of(name).get("full_history") is False:
        return False
    return not gave_all_before(asked.symbol, provider=name)


def _bundled(asked: Asked) -> DailySeries:
    series = BUNDLED.fetch(asked.symbol, asked.start, asked.end)
    if not series.bars:
        raise NothingFound(f"{series.provider} has no bar of {series.symbol} in the asked range.")
    return series


def _remote(
    fetch_id: UUID, name: str, asked: Asked, held: tuple[date, ...], *, clock: Clock
) -> DailySeries | None:
    """Return a remote provider's series, None without asking where its key's plan has nothing of it.

    A jump in new prices asks for the splits too, if they were not asked for.
    """
    provider = remote_provider(name)
    request = SeriesRequest(
        symbol=asked.symbol,
        start=asked.start,
        end=asked.end,
        with_actions=asked.with_actions,
        held_from=held[0] if held else None,
        held_to=held[-1] if held else None,
        today=clock().astimezone(NEW_YORK).date(),
    )
    series = _read(fetch_id, provider, request, clock=clock)
    if (
        series
        and series.splits is None
        and not request.with_actions
        and shows_jump(series, since=request.held_to)
    ):
        series = _read(fetch_id, provider, replace(request, with_actions=True), clock=clock)
    return series


def _read(
    fetch_id: UUID, provider: RemoteProvider, request: SeriesRequest, *, clock: Clock
) -> DailySeries | None:
    """Return the series in the answers to all calls it takes, as of when the first of them came; None without any.

    An answer may have waited for the others: what was not over when it came is not final now.
    """
    answers = _answers(fetch_id, provider, request, clock=clock)
    if not answers:
        return None
    bodies = {name: body for name, (body, _) in answers.items() if body}
    series = provider.read_series(request, bodies, now=min(at for _, at in answers.values()))
    untold = [name for name in answers if name not in bodies]
    if not untold:
        return series
    return replace(series, notes=(*series.notes, f"{provider.name} did not tell {' and '.join(untold)}"))


def _answers(
    fetch_id: UUID, provider: RemoteProvider, request: SeriesRequest, *, clock: Clock
) -> Mapping[str, tuple[bytes, datetime]]:
    """Return the answers to all calls a series takes, making those that were not made yet.

    The first call is for the prices. Without an answer to another one the prices are good all the same, so it
    is kept as empty.
    """
    while True:
        known = capabilities_of(provider.name)
        answers = answers_to(fetch_id, provider=provider.name)
        calls = provider.series_calls(request, capabilities=known)
        missing = [call for call in calls if call.name not in answers]
        if not missing:
            return {call.name: answers[call.name] for call in calls}
        try:
            body = ask(provider=provider, call=missing[0], asked_by=fetch_id, now=clock())
            reached("fetch.answered")
        except (NotInPlan, SymbolRefused, BadProviderData) as fault:
            if isinstance(fault, NotInPlan) and capabilities_of(provider.name) != known:
                continue  # the key turned out not to permit this call, and there may be another way
            if missing[0] == calls[0]:
                raise
            body = b""
        keep_answer(asked_by=fetch_id, provider=provider.name, call=missing[0].name, body=body, now=clock())


register_jobs("ingest", {JOB_KIND: JobKind(run=run, fail=fail)})
