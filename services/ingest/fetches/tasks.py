"""The fetch job: ask whoever may have the prices, call by call, and record all of it at the end.

A job that has to wait for a provider's quota is a row until then, and begins anew: what was answered is kept
with the fetch, so no call is made twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from services.ingest.fetches.domain import Asked, Gathered, lacks_history, lacks_recent, shows_jump
from services.ingest.fetches.selectors import (
    answers_of,
    gave_all_before,
    newest_provider,
    ready_names,
    stored_sessions,
)
from services.ingest.fetches.services import JOB_KIND, NothingFound, complete_fetch, fail_fetch, keep_answer
from services.ingest.providers.calls import RemoteProvider, SeriesRequest
from services.ingest.providers.domain import DailySeries
from services.ingest.providers.faults import NotInPlan
from services.ingest.providers.registry import AUTO, BUNDLED, remote_provider
from services.ingest.quota.selectors import capabilities_of
from services.ingest.quota.services import ask
from services.ingest.sessions.domain import NEW_YORK
from shared.errors import BellwetherError
from shared.eventstore.jobs import JobKind, LeasedJob, WaitingForQuota, register_jobs

SHORT_WAIT = timedelta(
    minutes=1
)  # such a wait is for the next call only: another provider would be no faster

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
        gathered = Gathered(series=(_remote(job.id, asked.provider, asked, held, clock=clock),))
    complete_fetch(job=job, asked=asked, gathered=gathered, now=clock())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record that nothing came of it."""
    fail_fetch(job=job, state=state, problem=problem, now=timezone.now())


def _by_plan(fetch_id: UUID, asked: Asked, *, clock: Clock) -> Gathered:
    """Ask one provider after the other until nothing is lacking: stored rows, whoever is newest, the others.

    Only those without a key or switched off are passed over in silence; what another failed with is told.
    """
    names = _in_order(asked.symbol)
    if not names:
        return Gathered(series=(_bundled(asked),))
    held = stored_sessions(asked.symbol)
    series: list[DailySeries] = []
    shortfalls: list[BellwetherError] = []
    for name in names:
        have = sorted({*held, *(bar.session for one in series for bar in one.bars)})
        if not _is_worth_asking(name, have, asked, now=clock()):
            continue
        try:
            series.append(_remote(fetch_id, name, asked, held, clock=clock))
        except WaitingForQuota as waiting:
            if held or waiting.until - clock() <= SHORT_WAIT:
                raise
            shortfalls.append(waiting)
        except BellwetherError as fault:
            shortfalls.append(fault)
    if not series and shortfalls and lacks_recent(held, asked, now=clock()):
        raise min(shortfalls, key=_is_final)
    return Gathered(series=tuple(series), shortfalls=tuple(fault.detail.rstrip(".") for fault in shortfalls))


def _is_final(fault: BellwetherError) -> bool:
    return not isinstance(fault, WaitingForQuota)


def _in_order(symbol: str) -> list[str]:
    """Return who may be asked, first who told the newest stored bar: a series has few seams."""
    newest = newest_provider(symbol)
    return sorted(ready_names(), key=lambda name: name != newest)


def _is_worth_asking(name: str, have: list[date], asked: Asked, *, now: datetime) -> bool:
    if lacks_recent(have, asked, now=now):
        return True
    if not lacks_history(have, asked) or capabilities_of(name).get("full_history") is False:
        return False
    return asked.start is not None or not gave_all_before(asked.symbol, provider=name)


def _bundled(asked: Asked) -> DailySeries:
    series = BUNDLED.fetch(asked.symbol, asked.start, asked.end)
    if not series.bars:
        raise NothingFound(f"{series.provider} has no bar of {series.symbol} in the asked range.")
    return series


def _remote(fetch_id: UUID, name: str, asked: Asked, held: tuple[date, ...], *, clock: Clock) -> DailySeries:
    """Return a remote provider's series; a jump in new prices asks for the splits too, if they were not."""
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
    series = provider.read_series(request, _answers(fetch_id, provider, request, clock=clock), now=clock())
    if series.splits is None and shows_jump(series, since=request.held_to):
        request = replace(request, with_actions=True)
        series = provider.read_series(
            request, _answers(fetch_id, provider, request, clock=clock), now=clock()
        )
    return series


def _answers(
    fetch_id: UUID, provider: RemoteProvider, request: SeriesRequest, *, clock: Clock
) -> Mapping[str, bytes]:
    """Return the answers to all calls a series takes, making those that were not made yet."""
    while True:
        known = capabilities_of(provider.name)
        answers = answers_of(fetch_id, provider=provider.name)
        calls = provider.series_calls(request, capabilities=known)
        missing = [call for call in calls if call.name not in answers]
        if not missing:
            return {call.name: answers[call.name] for call in calls}
        try:
            body = ask(provider=provider, call=missing[0], asked_by=fetch_id, now=clock())
        except NotInPlan:
            if capabilities_of(provider.name) == known:
                raise
            continue  # the key turned out not to permit this call, and there may be another way
        keep_answer(fetch_id=fetch_id, provider=provider.name, call=missing[0].name, body=body, now=clock())


register_jobs("ingest", {JOB_KIND: JobKind(run=run, fail=fail)})
