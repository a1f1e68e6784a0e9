"""Reads of watch lists, and the plan that follows from what is stored and what was tried."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connections
from django.db.models import QuerySet

from services.ingest.fetches.selectors import fetches
from services.ingest.indexes.domain import resolve_symbol
from services.ingest.providers.calls import SeriesRequest
from services.ingest.providers.registry import AUTO, BUNDLED, REMOTE_NAMES, remote_provider
from services.ingest.quota.selectors import Quota, quota_of
from services.ingest.sessions.domain import NEW_YORK
from services.ingest.watchlists.domain import MEMORY, Budget, Failure, Planned, Watched, behind_sessions, plan
from services.ingest.watchlists.models import WatchList
from shared.errors import NotFound

SHORTEST_WINDOW = timedelta(minutes=1)  # limits on bursts say nothing about when a call can be made
ANSWERED, FAILED = {"succeeded", "partial"}, {"failed", "refused", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh a symbol is: `behind_sessions` is None without prices, `refresh_at` when none is planned.

    `stored_as` is the name that a renamed symbol is refreshed and stored under, None without prices.
    """

    symbol: str
    stored_as: str | None
    last_session: date | None
    behind_sessions: int | None
    refresh_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    first_session: date
    last_session: date
    newest_provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    provider: str
    sources: tuple[str, ...]
    state: str
    with_actions: bool
    code: str
    created_at: datetime
    finished_at: datetime | None


def watch_lists() -> QuerySet[WatchList]:
    """Return all watch lists by name."""
    return WatchList.objects.using("ingest").order_by("name")


def watch_list_named(name: str) -> WatchList:
    """Return one watch list. Raises NotFound."""
    found = watch_lists().filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no watch list {name}.")
    return found


def freshness_of(symbols: Iterable[str], *, now: datetime) -> dict[str, Freshness]:
    """Return how fresh each symbol is, and when and why it is refreshed next."""
    wanted = {symbol: _name_at(symbol, now=now) for symbol in symbols}
    held, planned = (
        _held([*wanted, *wanted.values()]),
        {each.symbol: each for each in planned_refreshes(now=now)},
    )
    found = {}
    for symbol, name in wanted.items():
        shown = symbol if symbol in planned or name not in {*planned, *held} else name
        found[symbol] = _freshness(symbol, shown, held.get(shown), planned.get(shown), now=now)
    return found


def planned_refreshes(*, now: datetime) -> tuple[Planned, ...]:
    """Return which symbols of active watch lists are refreshed next, soonest first, then those left alone.

    A symbol of several lists is refreshed as the first of them by name says, and one that was renamed under the
    name that it has now, unless its prices ship with the package.
    """
    active = list(watch_lists().filter(active=True))
    if not active:
        return ()
    quotas = {name: quota_of(name, now=now) for name in REMOTE_NAMES}
    listed: dict[str, WatchList] = {}
    for watch_list in active:
        is_remote = _is_remote(watch_list.provider, quotas)
        for symbol in watch_list.symbols:
            listed.setdefault(_name_at(symbol, now=now) if is_remote else symbol, watch_list)
    tried = _tries(
        now=now
    )  # before what they stored, or one that ends in between seems to have stored nothing
    held = _held(list(listed))
    watched = [
        _watched(symbol, watch_list, held.get(symbol), tried.get(symbol, ()), quotas)
        for symbol, watch_list in listed.items()
    ]
    return plan(watched, _budgets(quotas, held, tried), now=now)


def _name_at(symbol: str, *, now: datetime) -> str:
    return resolve_symbol(symbol, on=now.astimezone(NEW_YORK).date())


def _is_remote(provider: str, quotas: Mapping[str, Quota]) -> bool:
    """Return whether a vendor is asked when `provider` is."""
    return provider in quotas or (provider == AUTO and any(map(_is_ready, quotas.values())))


def _freshness(
    symbol: str, name: str, held: _Held | None, planned: Planned | None, *, now: datetime
) -> Freshness:
    return Freshness(
        symbol=symbol,
        stored_as=name if held else None,
        last_session=held.last_session if held else None,
        behind_sessions=behind_sessions(held.last_session, now=now) if held else None,
        refresh_at=planned.at if planned else None,
        reason=planned.reason if planned else None,
    )


def _watched(
    symbol: str,
    watch_list: WatchList,
    held: _Held | None,
    tries: Sequence[_Try],
    quotas: Mapping[str, Quota],
) -> Watched:
    source, hindrance = _source(symbol, watch_list.provider, held, quotas)
    # A plan that ended without its first source has asked it all the same; only what is bundled asks nobody.
    answers = [
        each
        for each in tries
        if each.state in ANSWERED
        and (
            source in (*each.sources, each.provider)
            or (each.provider == watch_list.provider and BUNDLED.name not in each.sources)
        )
    ]
    answered_at = _last(answers)
    failures = [
        Failure(at=each.finished_at, code=each.code)
        for each in tries
        if each.state in FAILED and each.provider == watch_list.provider and each.finished_at
    ]
    since = max(watch_list.saved_at, answered_at or watch_list.saved_at)
    return Watched(
        symbol=symbol,
        provider=watch_list.provider,
        source=source,
        hindrance=hindrance,
        since=watch_list.saved_at,
        held_to=held.last_session if held else None,
        calls=_calls(source, symbol, held, quotas, with_actions=False),
        calls_with_actions=_calls(source, symbol, held, quotas, with_actions=True),
        answered_at=answered_at,
        actions_at=_last(each for each in answers if each.with_actions),
        failures=tuple(failure for failure in failures if failure.at > since),
        is_open=any(each.finished_at is None for each in tries),
    )


def _source(
    symbol: str, provider: str, held: _Held | None, quotas: Mapping[str, Quota]
) -> tuple[str | None, str]:
    """Return who is asked first when `provider` is, or None and why nobody can be."""
    ready = [name for name, quota in quotas.items() if _is_ready(quota)]
    if provider in quotas:
        problem = quotas[provider].problem
        return (provider, "") if provider in ready else (None, problem.detail if problem else "")
    if provider == AUTO and ready:
        return (held.newest_provider if held and held.newest_provider in ready else ready[0]), ""
    if symbol in BUNDLED.symbols():
        return BUNDLED.name, ""
    nobody = "no other provider has a key" if provider == AUTO else "its list names no other provider"
    return None, f"No prices of it ship with the package, and {nobody}."


def _is_ready(quota: Quota) -> bool:
    return quota.status == "ready" or quota.closed_until is not None


def _calls(
    source: str | None, symbol: str, held: _Held | None, quotas: Mapping[str, Quota], *, with_actions: bool
) -> int:
    """Return how many counted calls a refresh takes."""
    if source is None or source not in quotas:
        return 0
    request = SeriesRequest(
        symbol=symbol,
        start=None,
        end=None,
        with_actions=with_actions,
        held_from=held.first_session if held else None,
        held_to=held.last_session if held else None,
    )
    return len(remote_provider(source).series_calls(request, capabilities=quotas[source].capabilities))


def _budgets(
    quotas: Mapping[str, Quota], held: Mapping[str, _Held], tried: Mapping[str, Sequence[_Try]]
) -> dict[str, Budget]:
    spoken_for = dict.fromkeys(quotas, 0)
    for symbol, tries in tried.items():
        for each in tries:
            source, _ = _source(symbol, each.provider, held.get(symbol), quotas)
            if each.finished_at is None and source in spoken_for:
                spoken_for[source] += _calls(
                    source, symbol, held.get(symbol), quotas, with_actions=each.with_actions
                )
    return {name: _budget(quota, spoken_for[name]) for name, quota in quotas.items()}


def _budget(quota: Quota, spoken_for: int) -> Budget:
    """Return what the tightest of a provider's limits leaves."""
    windows = [window for window in quota.windows if window.seconds >= SHORTEST_WINDOW.total_seconds()]
    tightest = min(windows or quota.windows, key=lambda window: window.left)
    return Budget(
        calls=tightest.calls,
        left=tightest.left,
        window=timedelta(seconds=tightest.seconds),
        frees_at=tightest.frees_at,
        spoken_for=spoken_for,
        closed_until=quota.closed_until,
    )


def _held(symbols: Sequence[str]) -> dict[str, _Held]:
    """Return of which sessions prices are stored, and who told the newest of them."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute(
            "SELECT i.symbol, i.first_session, i.last_session, b.provider FROM market.instrument i"
            " JOIN market.bar b ON b.symbol = i.symbol AND b.session = i.last_session"
            " AND b.superseded_version IS NULL WHERE i.symbol = ANY(%s)",
            [list(symbols)],
        )
        return {
            symbol: _Held(first_session=first, last_session=last, newest_provider=provider)
            for symbol, first, last, provider in cursor.fetchall()
        }


def _tries(*, now: datetime) -> dict[str, list[_Try]]:
    """Return what was tried of each symbol lately, oldest first."""
    found: dict[str, list[_Try]] = {}
    rows = fetches().filter(created_at__gt=now - MEMORY).order_by("created_at", "id")
    columns = (
        "symbol",
        "provider",
        "sources",
        "state",
        "with_actions",
        "problem",
        "created_at",
        "finished_at",
    )
    for symbol, provider, sources, state, with_actions, problem, created_at, finished_at in rows.values_list(
        *columns
    ):
        tried = _Try(
            provider=provider,
            sources=tuple(source["provider"] for source in sources or ()),
            state=state,
            with_actions=with_actions,
            code=str((problem or {}).get("type", "")).rpartition("/")[2],
            created_at=created_at,
            finished_at=finished_at,
        )
        found.setdefault(symbol, []).append(tried)
    return found


def _last(tries: Iterable[_Try]) -> datetime | None:
    return max((each.finished_at for each in tries if each.finished_at), default=None)
