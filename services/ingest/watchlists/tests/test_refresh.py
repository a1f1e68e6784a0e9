"""The tick requests what the plan says is due, once, inside the quota, and from rows alone."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.domain import last_final_session
from services.ingest.fetches.selectors import fetches
from services.ingest.fetches.services import import_series, request_fetch
from services.ingest.providers.tests.simulator import Simulator, Verdict, moved
from services.ingest.quota.selectors import quota_of
from services.ingest.sessions.domain import sessions_between
from services.ingest.watchlists import selectors, services
from services.ingest.watchlists.domain import Planned
from services.ingest.watchlists.selectors import freshness_of, planned_refreshes
from services.ingest.watchlists.services import request_due_refreshes, save_watch_list
from services.ingest.watchlists.tasks import refresh
from services.tests.pipeline import drain_everything
from shared.eventstore.ticks import ticks_of
from shared.observability.correlation import Cause, caused_by

FREE = ((25, 86_400.0),)
SHIPPED = ("AAPL", "AMZN", "FB", "GOOG", "IBM", "MSFT")
SYMBOLS = ("AAPL", "AMZN", "GOOG", "IBM", "MSFT", "NVDA")

pytestmark = pytest.mark.usefixtures("db", "cause")


def watch(*symbols: str, provider: str = "auto", name: str = "tech", active: bool = True) -> None:
    save_watch_list(name=name, symbols=symbols, provider=provider, active=active, now=timezone.now())


def tick(*, later: timedelta = timedelta()) -> int:
    return len(request_due_refreshes(now=timezone.now() + later))


def tick_until_quiet(most: int = 10) -> int:
    """Tick and work until nothing is due any more; return how many fetches that took."""
    requested = [0]
    while len(requested) <= most:
        requested.append(tick())
        drain_everything(("ingest",))
        if not requested[-1]:
            return sum(requested)
    raise AssertionError(f"still due: {requested}")


def plan_of(symbol: str) -> Planned:
    [found] = [each for each in planned_refreshes(now=timezone.now()) if each.symbol == symbol]
    return found


def store(vendor: Simulator, symbol: str, *, until: date, count: int = 30) -> None:
    """Have the vendor know recent prices of a symbol, and store those up to `until` as if it had told them."""
    series = moved("AAPL", until=last_final_session(timezone.now()), count=600)
    renamed = type(series)(**{**{name: getattr(series, name) for name in series.__slots__}, "symbol": symbol})
    vendor.put(renamed)
    bars = tuple(bar for bar in renamed.bars if bar.session <= until)[-count:]
    told = {**{name: getattr(renamed, name) for name in renamed.__slots__}, "bars": bars}
    told |= {"provider": "alphavantage", "splits": None, "dividends": None}
    import_series(fetch_id=uuid4(), series=type(series)(**told), now=timezone.now() - timedelta(days=12))


def test_the_tick_is_registered() -> None:
    assert refresh in [tick.work for tick in ticks_of("ingest")]


def test_without_an_active_list_nothing_is_requested_and_nothing_planned() -> None:
    watch("FB", active=False)

    assert (tick(), planned_refreshes(now=timezone.now())) == (0, ())


def test_a_new_list_is_fetched_once_with_the_reason_and_then_left_alone_for_a_week() -> None:
    watch("FB", "GOOG")

    assert tick() == 2
    drain_everything(("ingest",))

    rows = fetches().order_by("symbol").values_list("symbol", "provider", "state", "requested_because")
    assert list(rows) == [
        ("FB", "auto", "succeeded", "It was never fetched."),
        ("GOOG", "auto", "succeeded", "It was never fetched."),
    ]
    assert [tick(), tick(later=timedelta(days=1)), tick(later=timedelta(days=7))] == [0, 0, 2]


def test_what_is_under_way_is_not_requested_again() -> None:
    watch("FB", "GOOG")

    assert [tick(), tick()] == [2, 0]
    assert planned_refreshes(now=timezone.now()) == ()


def test_a_symbol_that_nobody_has_is_left_alone_and_keeps_no_other_waiting() -> None:
    watch("NOBODY", "FB")

    assert tick() == 1
    assert plan_of("NOBODY").at is None


def test_a_list_of_a_provider_without_a_key_says_so(choose: Choose) -> None:
    watch("AAPL", provider="alphavantage")

    assert tick() == 0
    assert (plan_of("AAPL").at, "needs a key" in plan_of("AAPL").reason) == (None, True)


def test_a_symbol_of_two_lists_is_refreshed_as_the_first_of_them_says(choose: Choose) -> None:
    watch("FB", provider="bundled", name="a")
    watch("FB", "GOOG", name="b")

    assert [(each.symbol, each.provider) for each in planned_refreshes(now=timezone.now())] == [
        ("FB", "bundled"),
        ("GOOG", "auto"),
    ]


def test_a_renamed_symbol_is_refreshed_once_under_the_name_it_has_now(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    store(vendor, "META", until=sessions_between(until - timedelta(days=10), until)[-2])
    choose("alphavantage", limits=FREE)
    watch("FB", "META", provider="alphavantage")

    assert tick_until_quiet() == 1
    assert set(fetches().values_list("symbol", flat=True)) == {"META"}
    fresh = freshness_of(["FB"], now=timezone.now())["FB"]
    assert (fresh.stored_as, fresh.last_session, fresh.behind_sessions) == ("META", until, 0)
    assert fresh.refresh_at == plan_of("META").at


def test_an_outage_of_nine_days_heals_with_one_call_for_each_symbol(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    held_to = sessions_between(until - timedelta(days=30), until - timedelta(days=9))[-1]
    for symbol in SYMBOLS:
        store(vendor, symbol, until=held_to)
    choose("alphavantage", limits=((len(SYMBOLS) + 1, 86_400.0),))
    watch(*SYMBOLS, provider="alphavantage")
    before = fetches().count()

    requested = tick_until_quiet()

    assert requested == fetches().count() - before == len(SYMBOLS)
    assert Counter(asked.function for asked in vendor.asked) == {"TIME_SERIES_DAILY": len(SYMBOLS)}
    newest = {row.symbol: row.last_session for row in fetches().order_by("created_at")}
    assert newest == dict.fromkeys(SYMBOLS, until)
    assert quota_of("alphavantage", now=timezone.now()).windows[-1].left == 1


def test_one_symbol_asks_first_and_the_others_follow_with_actions_as_far_as_the_calls_go(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    yesterday = sessions_between(until - timedelta(days=10), until)[-2]
    for symbol in SYMBOLS:
        store(vendor, symbol, until=yesterday)
    choose("alphavantage", limits=((12, 86_400.0),))
    watch(*SYMBOLS, provider="alphavantage")

    first = tick()
    drain_everything(("ingest",))
    then = tick()
    drain_everything(("ingest",))

    assert (first, then) == (1, len(SYMBOLS) - 1)
    asked = Counter(asked.function for asked in vendor.asked)
    assert asked["TIME_SERIES_DAILY"] == len(SYMBOLS)
    assert asked["SPLITS"] == asked["DIVIDENDS"] == 2
    assert tick() == 0


def test_a_provider_that_lacks_the_newest_session_costs_one_call_and_is_asked_again_later(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    yesterday = sessions_between(until - timedelta(days=10), until)[-2]
    for symbol in SYMBOLS:
        store(vendor, symbol, until=yesterday)
        vendor.put(_until(vendor, symbol, yesterday))
    choose("alphavantage", limits=FREE)
    watch(*SYMBOLS, provider="alphavantage")

    assert tick_until_quiet() == 1
    in_a_while = timezone.now() + timedelta(minutes=110)
    assert all(each.at and each.at > in_a_while for each in planned_refreshes(now=timezone.now()))


def _until(vendor: Simulator, symbol: str, day: date) -> Any:
    series = vendor.series[symbol]
    bars = tuple(bar for bar in series.bars if bar.session <= day)
    return type(series)(**{**{name: getattr(series, name) for name in series.__slots__}, "bars": bars})


def test_a_refused_symbol_is_tried_once_more_on_another_day(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", limits=FREE)
    watch("NOSUCH", provider="alphavantage")
    vendor.next(Verdict.INVALID_CALL, times=None)

    assert tick_until_quiet() == 1
    assert tick(later=timedelta(hours=23)) == 0
    assert tick(later=timedelta(hours=25)) == 1


def test_a_night_without_calls_waits_for_them_and_keeps_one_for_people(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    held_to = sessions_between(until - timedelta(days=30), until - timedelta(days=9))[-1]
    for symbol in SYMBOLS:
        store(vendor, symbol, until=held_to)
    choose("alphavantage", limits=((4, 86_400.0),))
    watch(*SYMBOLS, provider="alphavantage")

    assert tick_until_quiet() == 3

    waiting = [each for each in planned_refreshes(now=timezone.now()) if each.reason.startswith("It is")]
    assert len(waiting) == 3
    assert all(each.at and each.at > timezone.now() + timedelta(hours=23) for each in waiting)


def elsewhere(work: Callable[[], int]) -> int:
    """Return what `work` gives on a connection of its own."""

    def run() -> int:
        try:
            with caused_by(Cause(uuid4())):
                return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def test_calls_of_a_fetch_that_is_under_way_are_left_to_it(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    for symbol in ("AAPL", "GOOG"):
        store(vendor, symbol, until=sessions_between(until - timedelta(days=10), until)[-2])
    choose("alphavantage", limits=((4, 86_400.0),))
    watch("AAPL", provider="alphavantage")
    request_fetch(
        fetch_id=uuid4(), symbol="GOOG", provider="alphavantage", start=None, end=None, now=timezone.now()
    )

    assert tick() == 0
    assert (plan_of("AAPL").at or timezone.now()) > timezone.now() + timedelta(hours=23)


def test_what_another_source_answered_says_nothing_of_the_one_that_is_asked_now(
    vendor: Simulator, choose: Choose
) -> None:
    watch("AAPL")
    assert (tick_until_quiet(), plan_of("AAPL").calls) == (1, 0)

    choose("alphavantage", limits=FREE)

    assert plan_of("AAPL").calls > 0
    assert tick() == 1


def test_of_ticks_at_once_one_requests_and_the_others_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    watch("FB")
    inside: list[int] = []

    def meanwhile(*, now: datetime) -> tuple[Planned, ...]:
        found = planned_refreshes(now=now)
        monkeypatch.undo()
        inside.append(elsewhere(tick))
        return found

    monkeypatch.setattr(services, "planned_refreshes", meanwhile)

    assert tick() == 1
    assert inside == [0]


def test_a_fetch_that_ends_while_the_plan_is_made_is_not_requested_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch("FB")
    assert tick() == 1

    def work() -> int:
        drain_everything(("ingest",))
        return 0

    def meanwhile(symbols: Sequence[str]) -> object:
        found = held(symbols)
        elsewhere(work)
        return found

    held = selectors._held
    monkeypatch.setattr(selectors, "_held", meanwhile)

    assert tick() == 0


def test_many_ticks_and_workers_at_once_fetch_each_symbol_once(db: psycopg.Connection[Any]) -> None:
    watch(*SHIPPED)
    start, failures = Barrier(6), list[BaseException]()

    def keep_ticking() -> None:
        try:
            with caused_by(Cause(uuid4())):
                start.wait()
                for _ in range(4):
                    tick()
                    drain_everything(("ingest",))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=keep_ticking) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Counter(fetches().values_list("symbol", flat=True)) == dict.fromkeys(SHIPPED, 1)


def test_a_tick_that_dies_leaves_the_next_one_free(monkeypatch: pytest.MonkeyPatch) -> None:
    watch("FB")

    def die(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services, "request_fetch", die)
    with pytest.raises(ZeroDivisionError):
        tick()
    monkeypatch.undo()

    assert elsewhere(tick) == 1
