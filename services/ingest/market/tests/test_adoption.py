"""A renamed ticker takes over what was stored under its former names."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connections, transaction
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.ingest.coverage.selectors import source_ranges
from services.ingest.fetches import services as fetching
from services.ingest.fetches.services import import_series
from services.ingest.indexes import domain
from services.ingest.indexes.domain import Rename
from services.ingest.indexes.selectors import stored_names
from services.ingest.indexes.services import adopt_history
from services.ingest.market.models import Action, Bar, Instrument, InstrumentVersion
from services.ingest.providers.bundled_provider import BundledProvider
from services.ingest.providers.domain import Bar as ToldBar
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.quarantine import services as quarantine
from services.ingest.quarantine.services import accept_change
from services.ingest.sessions.domain import sessions_between
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences
from shared.observability.correlation import Cause, caused_by
from shared.pricing.reader import load_history, price_sources

RENAMED_ON = date(2022, 6, 9)
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 5)

pytestmark = pytest.mark.usefixtures("db", "cause")


@pytest.fixture
def unfollowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is stored be taken over only when the test says so."""
    for place in (fetching, quarantine):
        monkeypatch.setattr(place, "adopt_history", lambda **_: ())


by_hand = pytest.mark.usefixtures("unfollowed")


def facebook() -> DailySeries:
    return BundledProvider().fetch("FB", None, None)


def series(
    symbol: str, first: date = FIRST, last: date = LAST, *, close: str = "700", **told: Any
) -> DailySeries:
    price = Decimal(close)
    bars = tuple(
        ToldBar(session=day, open=price, high=price, low=price, close=price, volume=10)
        for day in sessions_between(first, last)
    )
    common = DailySeries(
        symbol=symbol, provider="csv", attribution="a test", bars=bars, splits=None, dividends=None
    )
    return replace(common, **told)


def store(told: DailySeries, *, replaces: bool = False) -> UUID:
    """Import a series, and accept what is held back of it."""
    fetch_id = uuid4()
    done = import_series(fetch_id=fetch_id, series=told, now=timezone.now(), replaces=replaces)
    if done.quarantine_id:
        accept_change(quarantine_id=done.quarantine_id, decided_by="a test", now=timezone.now())
    return fetch_id


def adopt(symbol: str) -> tuple[str, ...]:
    with transaction.atomic(using="ingest", durable=True):
        return adopt_history(symbol=symbol, now=timezone.now())


def known(symbol: str) -> dict[date, tuple[str, UUID, Decimal]]:
    bars = Bar.objects.using("ingest").filter(symbol=symbol, superseded_version=None)
    return {bar.session: (bar.provider, bar.fetch_id, bar.close) for bar in bars}


def test_a_first_import_under_the_new_name_takes_the_history_over_with_it() -> None:
    store(facebook())
    store(series("META"))

    assert len(known("META")) == len(facebook().bars) + 5
    assert Instrument.objects.using("ingest").get(symbol="META").version == 2


@by_hand
def test_what_was_stored_as_fb_becomes_the_history_of_meta() -> None:
    fetched = store(facebook())
    store(series("META"))

    adopted = adopt("META")

    history = load_history("ingest", "META")
    theirs = {bar.session: ("bundled", fetched, bar.close) for bar in facebook().bars}
    assert adopted == ("META",)
    assert {day: row for day, row in known("META").items() if day < RENAMED_ON} == theirs
    assert len(history.sessions) == len(theirs) + 5
    assert known("FB") == theirs
    instrument = Instrument.objects.using("ingest").get(symbol="META")
    assert (instrument.version, instrument.first_session, instrument.last_session, instrument.bar_count) == (
        2,
        date(2012, 5, 18),
        LAST,
        len(theirs) + 5,
    )
    assert (instrument.provider, instrument.notes) == (
        "csv",
        ["Prices before 2022-06-09 were stored as FB."],
    )
    assert len(load_history("ingest", "META", version=1).sessions) == 5


@by_hand
def test_what_was_taken_over_keeps_the_terms_of_who_told_it() -> None:
    tiingo: dict[str, Any] = {
        "provider": "tiingo",
        "attribution": "terms of tiingo",
        "notes": ("a fault of tiingo",),
    }
    store(series("FB", date(2022, 6, 6), date(2022, 6, 8), **tiingo))
    store(
        series(
            "META", date(2022, 6, 9), date(2022, 6, 10), provider="alphavantage", attribution="terms of AV"
        )
    )
    adopt("META")

    sources = price_sources("ingest", "META", version=2)
    ranges = source_ranges("META", version=2)

    assert [(each.provider, each.attribution, each.session_count) for each in sources] == [
        ("tiingo", "terms of tiingo", 3),
        ("alphavantage", "terms of AV", 2),
    ]
    assert sources[0].notes == ("a fault of tiingo",)
    assert [(each.provider, each.attribution, each.session_count) for each in ranges] == [
        ("tiingo", "terms of tiingo", 3),
        ("alphavantage", "terms of AV", 2),
    ]
    # Once it told something of META itself, what it said with that counts, but not in the version before.
    store(series("META", date(2022, 6, 13), date(2022, 6, 13), provider="tiingo", attribution="newer terms"))
    assert price_sources("ingest", "META", version=3)[0].attribution == "newer terms"
    assert price_sources("ingest", "META", version=2) == sources


@by_hand
def test_a_correction_under_the_former_name_reaches_what_was_taken_over() -> None:
    week, later = (date(2022, 6, 1), date(2022, 6, 8)), (date(2022, 6, 8), date(2022, 6, 10))
    told = [DividendAction(ex_date=date(2022, 6, day), amount=Decimal(1)) for day in (2, 3)]
    store(series("FB", *week, close="190", dividends=tuple(told)))
    store(series("META", *later, close="190.01"))
    adopt("META")
    own = known("META")[later[0]]
    before = load_history("ingest", "META", version=2)

    corrected = store(
        series("FB", *week, close="200", dividends=(replace(told[0], amount=Decimal(2)),)), replaces=True
    )
    assert adopt("FB") == ("META",)

    assert {day: row[1:] for day, row in known("META").items() if day < later[0]} == {
        day: (corrected, Decimal(200)) for day in sessions_between(week[0], date(2022, 6, 7))
    }
    assert known("META")[later[0]] == own
    history = load_history("ingest", "META")
    assert [(each.ex_date.day, each.amount) for each in history.dividends] == [(2, 2.0)]
    again = load_history("ingest", "META", version=2)
    assert (again.close.tolist(), again.dividends) == (before.close.tolist(), before.dividends)
    version = InstrumentVersion.objects.using("ingest").get(symbol="META", version=3)
    counts = (version.added_count, version.corrected_count, version.actions_changed_count)
    assert counts == (0, 5, 3)
    assert version.fetch_id == corrected
    assert Instrument.objects.using("ingest").get(symbol="META").bar_count == 8
    assert adopt("META") == ()
    store(series("FB", *week, close="201", dividends=(replace(told[0], amount=Decimal(3)),)), replaces=True)
    assert adopt("FB") == ("META",)
    assert load_history("ingest", "META").dividends[0].amount == 3.0


@by_hand
def test_who_told_a_row_follows_when_another_provider_takes_it_over_as_it_is() -> None:
    told: dict[str, Any] = {"dividends": (DividendAction(ex_date=date(2022, 6, 3), amount=Decimal(1)),)}
    week = (date(2022, 6, 1), date(2022, 6, 8))
    store(series("FB", *week, **told))
    store(series("META", date(2022, 6, 9), date(2022, 6, 10)))
    adopt("META")

    store(series("FB", *week, provider="tiingo", **told), replaces=True)
    adopt("META")

    sources = price_sources("ingest", "META", version=3)
    assert [(each.provider, each.session_count) for each in sources] == [("tiingo", 6), ("csv", 2)]
    actions = Action.objects.using("ingest").filter(symbol="META", superseded_version=None)
    assert [action.provider for action in actions] == ["tiingo"]


def test_a_correction_that_is_let_through_under_the_former_name_reaches_what_was_taken_over() -> None:
    days = sessions_between(date(2022, 6, 1), date(2022, 6, 7))
    store(series("META", date(2022, 6, 9), date(2022, 6, 10), close="190"))
    store(series("FB", days[0], days[-1], close="190"))
    before = load_history("ingest", "META")

    corrected = store(series("FB", days[0], days[-1], close="290"))

    assert {known("META")[day][1:] for day in days} == {(corrected, Decimal(290))}
    again = load_history("ingest", "META", version=before.version)
    assert again.close.tolist() == before.close.tolist() == [190.0] * 7


@by_hand
def test_a_split_that_the_former_name_lost_is_withdrawn_and_later_versions_are_dated_later() -> None:
    week = (date(2022, 6, 1), date(2022, 6, 7))
    splits = (SplitAction(ex_date=date(2022, 6, 3), ratio=Decimal(2)),)
    store(series("FB", *week, splits=splits))
    store(series("META", date(2022, 6, 9), date(2022, 6, 10)))
    adopt("META")

    withdrawn = store(series("FB", *week, splits=()), replaces=True)
    adopt("META")

    assert [load_history("ingest", "META", version=each).splits == () for each in (1, 2, 3)] == [
        True,
        False,
        True,
    ]
    versions = InstrumentVersion.objects.using("ingest").filter(symbol="META").order_by("version")
    times = [each.recorded_at for each in versions]
    assert times == sorted(set(times))
    assert versions[2].fetch_id == withdrawn


@by_hand
def test_a_correction_follows_through_all_later_names_and_stops_at_what_another_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = (
        Rename(old="OLD", new="MIDDLE", on=date(2020, 1, 6), company="C", source="a test"),
        Rename(old="MIDDLE", new="NOW", on=date(2020, 1, 9), company="C", source="a test"),
    )
    monkeypatch.setattr(domain, "renames", lambda: chain)
    store(series("OLD", date(2020, 1, 2), date(2020, 1, 3), close="10"))
    store(series("MIDDLE", date(2020, 1, 6), date(2020, 1, 8), close="10"))
    store(series("NOW", date(2020, 1, 9), date(2020, 1, 9), close="10"))
    assert adopt("OLD") == ("MIDDLE", "NOW")
    told = store(series("NOW", date(2020, 1, 3), date(2020, 1, 3), close="10.001"), replaces=True)

    corrected = store(series("OLD", date(2020, 1, 2), date(2020, 1, 3), close="10.002"), replaces=True)

    assert adopt("OLD") == ("MIDDLE", "NOW")
    assert [known("NOW")[date(2020, 1, day)][1] for day in (2, 3)] == [corrected, told]
    assert [known("MIDDLE")[date(2020, 1, day)][1] for day in (2, 3)] == [corrected, corrected]
    assert adopt("OLD") == ()


@by_hand
def test_a_second_time_changes_nothing() -> None:
    store(facebook())
    store(series("META"))
    adopt("META")
    before = (known("META"), Event.objects.using("ingest").count())

    assert adopt("META") == adopt("FB") == ()
    assert (known("META"), Event.objects.using("ingest").count()) == before


@by_hand
def test_prices_that_come_later_under_the_former_name_are_taken_over_too() -> None:
    store(series("META"))
    store(facebook())

    assert adopt("FB") == ("META",)
    assert len(known("META")) == len(facebook().bars) + 5


@by_hand
def test_a_former_name_takes_nothing_and_nothing_is_made_of_a_name_without_prices() -> None:
    store(facebook())

    assert adopt("FB") == adopt("META") == adopt("AAPL") == ()
    assert known("META") == {}


@by_hand
def test_only_what_was_before_the_renaming_is_taken_and_what_is_there_stays() -> None:
    store(series("FB", date(2022, 6, 6), date(2022, 6, 14), close="190"))
    store(series("META", date(2022, 6, 8), date(2022, 6, 10), close="190.05"))

    adopt("META")

    closes = {day: close for day, (_, _, close) in known("META").items()}
    assert closes == {
        date(2022, 6, 6): Decimal(190),
        date(2022, 6, 7): Decimal(190),
        date(2022, 6, 8): Decimal("190.05"),
        date(2022, 6, 9): Decimal("190.05"),
        date(2022, 6, 10): Decimal("190.05"),
    }


@by_hand
def test_splits_and_dividends_come_along_and_those_once_withdrawn_do_not_come_back() -> None:
    before, after = date(2022, 6, 7), date(2022, 6, 13)
    dividends = tuple(DividendAction(ex_date=day, amount=Decimal("0.5")) for day in (before, after))
    splits = (SplitAction(ex_date=before, ratio=Decimal(2)),)
    store(series("FB", date(2022, 6, 6), date(2022, 6, 14), splits=splits, dividends=dividends))
    store(series("META", date(2022, 6, 9), date(2022, 6, 10)))

    adopt("META")
    actions = Action.objects.using("ingest").filter(symbol="META")
    found = set(actions.values_list("kind", "ex_date", "superseded_version"))
    store(series("META", date(2022, 6, 6), date(2022, 6, 10), dividends=(), splits=()), replaces=True)

    assert found == {("split", before, None), ("dividend", before, None)}
    assert actions.filter(superseded_version=None).count() == 0
    assert adopt("META") == ()


@by_hand
def test_the_nearest_former_name_goes_before_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = (
        Rename(old="OLD", new="MIDDLE", on=date(2020, 1, 6), company="C", source="a test"),
        Rename(old="MIDDLE", new="NOW", on=date(2020, 1, 9), company="C", source="a test"),
    )
    monkeypatch.setattr(domain, "renames", lambda: chain)
    store(series("OLD", date(2020, 1, 2), date(2020, 1, 8), close="10"))
    store(series("MIDDLE", date(2020, 1, 3), date(2020, 1, 10), close="10.002"))
    store(series("NOW", date(2020, 1, 10), date(2020, 1, 10), close="11"))

    assert adopt("OLD") == ("MIDDLE", "NOW")
    closes = [(day.day, format(row[2].normalize(), "f")) for day, row in sorted(known("NOW").items())]
    assert closes == [
        (2, "10"),
        (3, "10.002"),
        (6, "10.002"),
        (7, "10.002"),
        (8, "10.002"),
        (10, "11"),
    ]


@by_hand
def test_a_former_name_of_another_instrument_is_left_alone() -> None:
    store(series("FB", date(2022, 5, 2), date(2022, 6, 8), close="190"))
    store(series("META", date(2022, 5, 23), date(2022, 6, 10), close="12"))
    before = known("META")

    assert adopt("META") == ()
    assert known("META") == before
    assert Instrument.objects.using("ingest").get(symbol="META").version == 1


def test_replayed_events_make_the_same_instruments() -> None:
    store(facebook())
    store(series("META"))
    adopt("META")

    with as_owner():
        assert set(differences("ingest").values()) == {0}


@by_hand
def test_fetches_that_end_at_once_adopt_once(db: psycopg.Connection[Any]) -> None:
    store(facebook())
    store(series("META"))
    start, adopted, failures = Barrier(4), list[tuple[str, ...]](), list[BaseException]()

    def take_over() -> None:
        try:
            with caused_by(Cause(uuid4())):
                start.wait()
                adopted.append(adopt("META"))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=take_over) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sorted(adopted) == [(), (), (), ("META",)]
    assert Instrument.objects.using("ingest").get(symbol="META").version == 2


def test_a_symbol_without_prices_is_stored_under_its_other_name() -> None:
    assert stored_names(["META"]) == {}
    store(facebook())

    assert stored_names(["FB", "META", "AAPL"]) == {"FB": "FB", "META": "FB"}
    store(series("META", LAST - timedelta(days=1)))
    assert stored_names(["META"]) == {"META": "META"}
