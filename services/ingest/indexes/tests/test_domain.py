"""Stays follow from the committed files, and agree with every list of members that there is."""

from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.indexes import domain
from services.ingest.indexes.domain import (
    DATA,
    DATA_VERSION,
    Change,
    ContradictoryData,
    Index,
    Name,
    OutsideCoverage,
    Rename,
    Spell,
    UnknownIndex,
    index_named,
    indexes,
    names_of,
    other_names,
    predecessors,
    read_changes,
    read_lists,
    read_spells,
    renames,
    resolve_symbol,
    spells_of,
)

DAY = date(2020, 1, 1)
LISTS, NDX_CHANGES = "nasdaq100_members_on_jan_1.csv", "nasdaq100_changes_2015_2026.csv"
SPELLS, SP_CHANGES = "sp500_member_spells_1996_2025.csv", "sp500_changes_2019_2025.csv"
ON_SEMICONDUCTOR = {"True": "ON"}
# As they are in the repositories named by the manifest.
SHA256 = {
    NDX_CHANGES: "80d8cad493f32090f5ee12182b2119ffc066778f0c4f622ba9ebb95dede09d32",
    LISTS: "051580864876bd37dc5f68f272d6eb19e7a311ad8a6e3f3877ae548a07e86caa",
    SP_CHANGES: "373145c16de1aa663f84d7bb5486f6fa3d75c12f86fdbcf5f4768eb33985deb9",
    SPELLS: "06b2d9e82cb79ec575318398c40899d8082e2a6104b6e68bceea993e11fb27cc",
}


def members(index: Index, day: date) -> set[str]:
    return {spell.symbol for spell in index.spells if spell.covers(day)}


def change(day: int, symbol: str, *, is_added: bool) -> Change:
    return Change(on=DAY + timedelta(days=day), symbol=symbol, is_added=is_added)


def stay(symbol: str, start: int, end: int | None = None) -> Spell:
    end_date = None if end is None else DAY + timedelta(days=end)
    return Spell(symbol=symbol, start_date=DAY + timedelta(days=start), end_date=end_date)


def test_the_committed_files_are_the_sources_own() -> None:
    assert {name: sha256((DATA / name).read_bytes()).hexdigest() for name in SHA256} == SHA256
    assert len(DATA_VERSION) == 12


def test_the_stays_in_the_nasdaq_100_give_each_list_of_a_first_of_january() -> None:
    index = index_named("nasdaq100")
    lists = dict(read_lists(LISTS, corrections=ON_SEMICONDUCTOR))

    assert list(lists) == [date(year, 1, 1) for year in range(2015, 2027)]
    assert {day: members(index, day) for day in lists} == lists


def test_the_stays_in_the_s_and_p_500_are_the_sources_own_but_for_known_faults_and_what_came_later() -> None:
    known = set(read_spells(SPELLS, corrections={}))
    last_known = max(spell.end_date for spell in known if spell.end_date)
    ours = {
        Spell(
            symbol=spell.symbol,
            start_date=spell.start_date,
            end_date=spell.end_date if spell.end_date and spell.end_date <= last_known else None,
        )
        for spell in index_named("sp500").spells
        if spell.start_date <= last_known
    }

    assert last_known == date(2025, 7, 9)
    assert ours - known == {
        Spell(symbol="WLTW", start_date=date(2016, 1, 5), end_date=date(2022, 1, 10)),
        Spell(symbol="WTW", start_date=date(2022, 1, 10), end_date=None),
        Spell(symbol="RE", start_date=date(2017, 6, 19), end_date=date(2023, 7, 10)),
        Spell(symbol="EG", start_date=date(2023, 7, 10), end_date=None),
    }
    assert known - ours == {
        Spell(symbol="WLTW", start_date=date(2016, 1, 5), end_date=date(2022, 1, 20)),
        Spell(symbol="WTW", start_date=date(2022, 1, 20), end_date=None),
        Spell(symbol="RE", start_date=date(2017, 6, 19), end_date=date(2023, 6, 10)),
        Spell(symbol="EG", start_date=date(2023, 6, 10), end_date=None),
    }


def test_the_s_and_p_500_has_about_as_many_members_as_it_should_since_2000() -> None:
    index = index_named("sp500")
    counts = [len(members(index, date(year, 6, 15))) for year in range(2000, 2026)]

    assert (min(counts), max(counts)) == (491, 505)
    assert len(members(index, index.last_date)) == 503


@pytest.mark.parametrize("name", ["nasdaq100", "sp500"])
def test_no_symbol_stays_twice_at_once_and_all_lies_within_the_days_that_are_covered(name: str) -> None:
    index = index_named(name)

    for before, after in zip(index.spells, index.spells[1:], strict=False):
        assert before.symbol <= after.symbol
        if before.symbol == after.symbol:
            assert before.end_date is not None
            assert before.end_date <= after.start_date
    for spell in index.spells:
        assert index.first_date <= spell.start_date < (spell.end_date or date.max)
        assert spell.end_date is None or spell.end_date <= index.last_date


def test_coverage_begins_with_the_first_known_members_and_ends_with_the_last_change() -> None:
    for name, file, corrections in (("nasdaq100", NDX_CHANGES, ON_SEMICONDUCTOR), ("sp500", SP_CHANGES, {})):
        index = index_named(name)
        assert index.first_date == min(spell.start_date for spell in index.spells)
        assert index.last_date == read_changes(file, corrections=corrections)[-1].on


def test_a_day_outside_the_coverage_is_refused_with_the_range() -> None:
    index = index_named("sp500")

    index.require_covered(date(1996, 1, 2))
    index.require_covered(date(2025, 11, 11))
    for day in (date(1996, 1, 1), date(2025, 11, 12)):
        with pytest.raises(OutsideCoverage, match="1996-01-02 to 2025-11-11, not on"):
            index.require_covered(day)


def test_what_yaml_took_for_a_truth_value_is_on_semiconductor() -> None:
    index = index_named("nasdaq100")

    assert [spell for spell in index.spells if spell.symbol == "ON"] == [
        Spell(symbol="ON", start_date=date(2023, 6, 20), end_date=date(2025, 12, 22))
    ]
    assert not [spell for spell in index.spells if spell.symbol in ("True", "TRUE")]


def test_share_classes_are_written_as_prices_have_them() -> None:
    assert {"BRK-B", "BF-B"} <= members(index_named("sp500"), date(2020, 1, 2))


def test_a_member_is_in_on_its_first_day_and_out_on_its_last_date() -> None:
    index = index_named("sp500")

    assert "PLTR" not in members(index, date(2024, 9, 22))
    assert {"PLTR", "DELL"} <= members(index, date(2024, 9, 23))
    assert "ETSY" in members(index, date(2024, 9, 22))
    assert "ETSY" not in members(index, date(2024, 9, 23))


def test_an_unknown_index_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownIndex, match="no index dax; known are nasdaq100, sp500") as refused:
        index_named("dax")

    assert refused.value.extra == {"known_indexes": ["nasdaq100", "sp500"]}
    assert list(indexes()) == ["nasdaq100", "sp500"]


def test_changes_decide_from_the_first_one_on() -> None:
    known = [stay("A", 0), stay("B", 0, 5), stay("C", 1, 30), stay("D", 20), stay("E", 0, 10)]

    found = spells_of(known, [change(10, "E", is_added=False), change(12, "F", is_added=True)])

    assert found == (
        stay("A", 0),
        stay("B", 0, 5),
        stay("C", 1),
        stay("E", 0, 10),
        stay("F", 12),
    )


def test_on_one_day_symbols_leave_before_others_come() -> None:
    swapped = [change(3, "A", is_added=True), change(3, "A", is_added=False)]

    assert spells_of([stay("A", 0)], swapped) == (stay("A", 0, 3), stay("A", 3))


@pytest.mark.parametrize(
    "wrong",
    [change(1, "A", is_added=True), change(1, "B", is_added=False)],
    ids=["comes twice", "was not in"],
)
def test_files_that_contradict_each_other_are_refused(wrong: Change) -> None:
    with pytest.raises(ContradictoryData, match=wrong.symbol):
        spells_of([stay("A", 0)], [wrong])


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from("ABCDEF")), max_size=30, unique=True))
def test_stays_hold_whatever_order_the_changes_come_in(drawn: list[tuple[int, str]]) -> None:
    current, changes = {"A", "B"}, []
    by_day = {0: set(current)}
    for day, symbol in sorted(drawn):
        changes.append(change(day, symbol, is_added=symbol not in current))
        current ^= {symbol}
        by_day[day] = set(current)
    found = spells_of([stay("A", 0), stay("B", 0)], changes or [change(41, "Z", is_added=True)])

    for day, expected in by_day.items():
        assert {spell.symbol for spell in found if spell.covers(DAY + timedelta(days=day))} == expected


def test_every_renaming_is_in_the_changes_that_it_names() -> None:
    shown_by_files = [rename for rename in renames() if rename.source.endswith(".csv")]
    assert [rename.old for rename in renames() if rename not in shown_by_files] == ["ARNC"]
    for rename in shown_by_files:
        known = read_changes(rename.source, corrections={})
        assert change_of(rename.old, rename.on, is_added=False) in known
        assert change_of(rename.new, rename.on, is_added=True) in known
    assert ("FB", "META", date(2022, 6, 9)) in {(rename.old, rename.new, rename.on) for rename in renames()}


def change_of(symbol: str, day: date, *, is_added: bool) -> Change:
    return Change(on=day, symbol=symbol, is_added=is_added)


def test_a_symbol_is_resolved_to_the_name_of_the_day() -> None:
    renamed_on = date(2022, 6, 9)

    for symbol in ("FB", "META"):
        assert resolve_symbol(symbol, on=renamed_on - timedelta(days=1)) == "FB"
        assert resolve_symbol(symbol, on=renamed_on) == "META"
        assert resolve_symbol(symbol) == "META"
    assert resolve_symbol("AAPL", on=renamed_on) == resolve_symbol("AAPL") == "AAPL"


def test_a_symbol_that_came_back_is_followed_through_its_other_name() -> None:
    days = [date(2023, 6, 6), date(2023, 6, 7), date(2025, 11, 10), date(2025, 11, 11)]

    for symbol in ("FISV", "FI"):
        assert [resolve_symbol(symbol, on=day) for day in days] == ["FISV", "FI", "FI", "FISV"]
    assert names_of("FI") == (
        Name(symbol="FISV", until=date(2023, 6, 7)),
        Name(symbol="FI", until=date(2025, 11, 11)),
        Name(symbol="FISV", until=None),
    )
    assert (other_names("FISV"), other_names("FI")) == (("FI",), ("FISV",))


@pytest.mark.parametrize(
    ("old", "new", "day"),
    [
        ("WLTW", "WTW", date(2022, 1, 10)),
        ("UTX", "RTX", date(2020, 4, 3)),
        ("DISCA", "WBD", date(2022, 4, 11)),
        ("VIAC", "PARA", date(2022, 2, 17)),
        ("COG", "CTRA", date(2021, 10, 4)),
        ("ABC", "COR", date(2023, 8, 30)),
        ("PEAK", "DOC", date(2024, 3, 4)),
    ],
)
def test_members_of_former_days_are_called_by_what_they_are_now(old: str, new: str, day: date) -> None:
    assert resolve_symbol(old) == resolve_symbol(old, on=day) == new
    assert resolve_symbol(new, on=day - timedelta(days=1)) == old


def test_a_ticker_that_another_company_has_by_now_names_that_one_unless_it_was_said_before() -> None:
    separated_on = date(2020, 4, 1)

    assert resolve_symbol("ARNC") == resolve_symbol("ARNC", named_on=separated_on) == "ARNC"
    assert resolve_symbol("ARNC", named_on=separated_on - timedelta(days=1)) == "HWM"
    assert other_names("ARNC") == other_names("HWM") == ()
    assert other_names("ARNC", named_on=date(2019, 1, 2)) == ("HWM",)
    # What was stored under it until then may be of either; closes tell.
    assert predecessors("HWM") == (Name(symbol="ARNC", until=separated_on),)
    assert predecessors("ARNC") == ()
    assert other_names("DOC") == ("PEAK",)
    assert other_names("HCP", named_on=date(2019, 1, 2)) == ("DOC", "PEAK")


def test_whoever_is_a_member_to_the_end_is_called_as_now() -> None:
    lasting = [spell for index in indexes().values() for spell in index.spells if spell.end_date is None]

    assert {spell.symbol for spell in lasting if resolve_symbol(spell.symbol) != spell.symbol} == set()


def test_predecessors_are_the_names_before_the_last_time_newest_first() -> None:
    assert predecessors("META") == (Name(symbol="FB", until=date(2022, 6, 9)),)
    assert predecessors("FB") == predecessors("AAPL") == ()
    assert predecessors("FISV") == (Name(symbol="FI", until=date(2025, 11, 11)),)
    assert predecessors("FI") == (Name(symbol="FISV", until=date(2023, 6, 7)),)


def renaming(old: str, new: str, year: int) -> Rename:
    return Rename(old=old, new=new, on=date(year, 1, 1), company="C", source="a test")


def test_names_follow_each_other_over_several_renamings(monkeypatch: Any) -> None:
    known = (renaming("A", "B", 2001), renaming("X", "Y", 2001), renaming("B", "C", 2003))
    monkeypatch.setattr(domain, "renames", lambda: known)

    assert [name.symbol for name in names_of("B")] == ["A", "B", "C"]
    assert [name.symbol for name in predecessors("C")] == ["B", "A"]
    assert other_names("A") == ("C", "B")
    assert other_names("X") == ("Y",)


def test_a_symbol_of_two_instruments_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr(domain, "renames", lambda: (renaming("A", "B", 2001), renaming("C", "B", 2003)))

    with pytest.raises(ContradictoryData, match="B belongs to two"):
        names_of("B")
