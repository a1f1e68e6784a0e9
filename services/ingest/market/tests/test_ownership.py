"""A row belongs to the provider that told it: others are compared with it and never mixed into it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.market.columns import SeriesColumns, bars_of
from services.ingest.market.domain import Held, PriceChange, SourcesDisagree, compare
from services.ingest.market.models import Bar
from services.ingest.market.tests.answers import (
    SESSIONS,
    SYMBOL,
    answer,
    known_actions,
    known_bars,
    stored_rows,
    tell,
)
from shared.eventstore.models import Event
from shared.pricing.reader import price_sources

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS


def test_what_another_provider_told_stays_and_only_new_sessions_are_added() -> None:
    tell(answer(100, 101, 102, volume=10))

    recording = tell(answer("101.01", 102, 103, first=1, provider="tiingo", volume=99))

    assert known_bars() == [("csv", 100, 10), ("csv", 101, 10), ("csv", 102, 10), ("tiingo", 103, 99)]
    assert (recording.version, recording.added_count, recording.corrected_sessions) == (2, 1, ())
    assert (recording.kept_count, recording.compared_count, recording.disagreeing_count) == (2, 2, 0)
    sources = [
        (source.provider, source.session_count) for source in price_sources("ingest", SYMBOL, version=2)
    ]
    assert sources == [("csv", 3), ("tiingo", 1)]


def test_an_answer_that_only_repeats_another_provider_writes_nothing(db: psycopg.Connection) -> None:
    tell(answer(100, 101, 102))
    before = stored_rows(db)

    recording = tell(answer(100, 101, 102, provider="tiingo", volume=99))

    assert (recording.version, recording.changed, recording.kept_count) == (1, False, 3)
    assert stored_rows(db) == before


def test_each_provider_still_corrects_its_own_rows() -> None:
    tell(answer(100, 101, 102))
    tell(answer(102, 103, first=2, provider="tiingo"))

    recording = tell(answer(101, "102.5", 103, first=1))
    other = tell(answer(102, "103.5", first=2, provider="tiingo"))

    assert (recording.corrected_sessions, recording.kept_count) == ((DAYS[2],), 1)
    assert (other.corrected_sessions, other.kept_count, other.disagreeing_count) == ((DAYS[3],), 1, 1)
    assert [close for _, close, _ in known_bars()] == [100, 101, Decimal("102.5"), Decimal("103.5")]


@pytest.mark.parametrize(
    ("told", "disagreeing"), [("100.05", 0), ("99.95", 0), ("100.050001", 1), ("99.949999", 1)]
)
def test_closes_agree_up_to_exactly_five_basis_points(told: str, disagreeing: int) -> None:
    tell(answer(100, 100, 100))

    recording = tell(answer(100, told, 100, provider="tiingo"))

    assert recording.disagreeing_count == disagreeing
    assert [item["session"] for item in recording.disagreements] == [str(DAYS[1])] * disagreeing


def test_the_worst_twenty_disagreements_are_named() -> None:
    tell(answer(*[100] * 200))

    recording = tell(answer(*[100 + Decimal(n) / 4 for n in range(31)], *[100] * 169, provider="tiingo"))

    assert (recording.compared_count, recording.disagreeing_count) == (200, 30)
    assert len(recording.disagreements) == 20
    assert recording.disagreements[0] == {
        "session": str(DAYS[30]),
        "kind": "close",
        "held": "100",
        "told": "107.5",
        "difference_bps": "750.0",
    }
    assert [item["session"] for item in recording.disagreements] == [str(day) for day in DAYS[30:10:-1]]


@pytest.mark.parametrize(
    ("differing", "same", "is_refused"),
    [(2, 8, False), (3, 7, True), (4, 0, True), (1, 0, True), (3, 1, False), (5, 0, True), (2, 3, True)],
)
def test_an_answer_that_contradicts_more_than_a_fifth_of_five_closes_is_refused(
    db: psycopg.Connection, differing: int, same: int, is_refused: bool
) -> None:
    tell(answer(*[400] * (differing + same)))
    before = stored_rows(db)
    closes = [100] * differing + [400] * same
    split = [(DAYS[differing], 4)]

    if not is_refused:
        assert tell(answer(*closes, 99, provider="tiingo", splits=split)).disagreeing_count == differing
        return
    with pytest.raises(SourcesDisagree) as refused:
        tell(answer(*closes, 99, provider="tiingo", splits=split))

    assert stored_rows(db) == before
    assert refused.value.status == 409
    assert f"{differing} of {differing + same} closes differ" in refused.value.detail
    assert f"{DAYS[0]} (stored 400, told 100)" in refused.value.detail
    assert refused.value.extra["disagreeing_count"] == differing


def test_an_answer_that_replaces_takes_over_every_row_in_its_range() -> None:
    paid = [(DAYS[1], "0.5"), (DAYS[2], "0.25")]
    tell(answer(*range(400, 420), dividends=paid))
    told = answer("400.5", *range(401, 410), provider="tiingo", volume=99, dividends=[(DAYS[1], "0.5")])

    recording = tell(told, replaces=True)

    assert recording.corrected_sessions == DAYS[:10]
    assert (recording.kept_count, recording.compared_count, recording.quarantine_id) == (0, 0, None)
    rows = [("tiingo", price, 99) for price in (Decimal("400.5"), *range(401, 410))]
    assert known_bars() == [*rows, *(("csv", price, 10) for price in range(410, 420))]
    assert known_actions() == [("tiingo", DAYS[1], Decimal("0.5"))]
    assert tell(told, replaces=True).changed is False
    assert (recording.unchanged_count, recording.actions_withdrawn_count) == (0, 1)
    assert recording.largest_change == PriceChange(
        session=DAYS[0], name="open", held=Decimal(400), told=Decimal("400.5")
    )


def test_the_bar_count_of_every_event_is_what_is_stored_then() -> None:
    tell(answer(100, 101, 102, first=10))
    tell(answer(100, 101, first=9))
    tell(answer("102.5", 103, first=12, dividends=[(DAYS[12], 1)]))
    tell(answer(99, first=5, provider="tiingo"))

    for event in Event.objects.using("ingest").filter(type="PricesUpdated"):
        version, told = event.version, event.data
        known = Bar.objects.using("ingest").filter(version__lte=version)
        known = known.exclude(superseded_version__lte=version)
        days = sorted(known.values_list("session", flat=True))
        assert (told["bar_count"], told["first_session"], told["last_session"]) == (
            len(days),
            str(days[0]),
            str(days[-1]),
        )


_ROW = st.tuples(st.booleans(), st.sampled_from([100, 101]), st.sampled_from([5, 6]))
_DAY = st.integers(0, 15).map(lambda number: date(2018, 1, 1) + timedelta(days=number))


def _bars(rows: dict[date, tuple[int, int]]) -> Any:
    return bars_of([(day, *[Decimal(close)] * 4, volume) for day, (close, volume) in sorted(rows.items())])


@given(
    held=st.dictionaries(_DAY, _ROW, max_size=16),
    told=st.dictionaries(_DAY, st.tuples(st.sampled_from([100, 101]), st.sampled_from([5, 6])), max_size=16),
    replaces=st.booleans(),
)
def test_a_comparison_finds_what_one_by_one_would(
    held: dict[date, tuple[bool, int, int]], told: dict[date, tuple[int, int]], replaces: bool
) -> None:
    series = SeriesColumns(symbol=SYMBOL, provider="csv", attribution="", bars=_bars(told))
    known = Held(
        bars=_bars({day: row[1:] for day, row in held.items()}),
        versions=np.arange(len(held)),
        is_own=np.array([held[day][0] for day in sorted(held)], np.bool_),
    )
    foreign = [day for day in told if day in held and not held[day][0]]
    differing = [day for day in foreign if told[day][0] != held[day][1]]

    try:
        found = compare(series, known, replaces=replaces)
    except SourcesDisagree:
        assert not replaces
        assert len(foreign) >= 5 or (len(differing) == len(foreign) and set(told) - set(held))
        assert len(differing) * 5 > len(foreign)
        return

    assert replaces or len(foreign) < 5 or len(differing) * 5 <= len(foreign)
    assert replaces or not differing or len(differing) < len(foreign) or not set(told) - set(held)
    assert found.added["session"].tolist() == sorted(set(told) - set(held))
    changed = {day for day in told if day in held and held[day][0] and held[day][1:] != told[day]}
    assert found.changed.told["session"].tolist() == sorted(changed | set(foreign) if replaces else changed)
    assert found.changed.held["session"].tolist() == found.changed.told["session"].tolist()
    assert found.kept_count == (0 if replaces else len(foreign))
    assert found.disagreeing_count == (0 if replaces else len(differing))
