"""The plan as it follows from what is stored, what was tried and what may still be asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.sessions.domain import sessions_between
from services.ingest.watchlists.domain import (
    RESERVED_CALLS,
    Budget,
    Failure,
    Planned,
    Watched,
    behind_sessions,
    plan,
    watched_symbols,
)
from shared.errors import ValidationFailed
from shared.symbols import InvalidSymbol

FRIDAY, THURSDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 19), date(2026, 11, 23)
FINAL = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
NIGHT = FINAL + timedelta(seconds=30)
SAVED = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FULL = Budget(calls=25, left=25, window=DAY, frees_at=None, spoken_for=0, closed_until=None)


def watched(symbol: str, held_to: date | None = THURSDAY, **changes: Any) -> Watched:
    common = Watched(
        symbol=symbol,
        provider="auto",
        source="alphavantage",
        hindrance="",
        since=SAVED,
        held_to=held_to,
        calls=1,
        calls_with_actions=3,
        answered_at=None,
        actions_at=SAVED,
        failures=(),
        is_open=False,
    )
    return replace(common, **changes)


def bundled(symbol: str, held_to: date | None = None, **changes: Any) -> Watched:
    return watched(symbol, held_to, source="bundled", calls=0, calls_with_actions=0, **changes)


def planned(*symbols: Watched, now: datetime = NIGHT, budget: Budget = FULL) -> tuple[Planned, ...]:
    return plan(symbols, {"alphavantage": budget}, now=now)


def due(found: Iterable[Planned], now: datetime = NIGHT) -> list[str]:
    return [each.symbol for each in found if each.at and each.at <= now]


def failed(*ago: timedelta, code: str = "provider-unavailable") -> tuple[Failure, ...]:
    return tuple(Failure(at=NIGHT - each, code=code) for each in ago)


def test_nothing_is_due_until_a_new_session_is_final() -> None:
    before = FINAL - timedelta(seconds=1)

    [found] = planned(watched("A"), now=before)

    assert (found.at, found.calls) == (FINAL, 1)
    assert found.reason == "The session of 2026-11-20 is final then."
    assert due(planned(watched("A"), now=FINAL), FINAL) == ["A"]


def test_nothing_is_due_over_a_weekend_of_which_all_is_known() -> None:
    sunday = NIGHT + 2 * DAY

    [found] = planned(watched("A", FRIDAY), now=sunday)

    assert found.at == datetime(2026, 11, 23, 21, 30, tzinfo=UTC)


def test_a_symbol_that_is_behind_says_how_far() -> None:
    one, three = planned(watched("A"), now=NIGHT)[0], planned(watched("A", date(2026, 11, 17)))[0]

    assert (one.reason, one.at) == ("It is 1 session behind 2026-11-20.", FINAL)
    assert three.reason == "It is 3 sessions behind 2026-11-20."


def test_one_symbol_finds_out_whether_the_session_is_there_and_the_others_follow() -> None:
    alone = planned(watched("A"), watched("B"), watched("C"))
    while_asked = planned(watched("A"), watched("B", is_open=True), watched("C"))
    after = planned(watched("A", FRIDAY), watched("B"), watched("C"))
    after_failure = planned(watched("A", failures=failed(MINUTE)), watched("B"), watched("C"))

    assert due(alone) == ["A"]
    assert due(while_asked) == []
    assert due(after) == ["B", "C"]
    assert due(after_failure) == ["B"]
    assert [each.at for each in alone[1:]] == [FINAL + MINUTE] * 2


def test_a_provider_that_is_late_is_left_in_peace_longer_and_longer() -> None:
    for asked_after, asked_again_after in ((10 * MINUTE, 2 * HOUR + 10 * MINUTE), (5 * HOUR, 10 * HOUR)):
        late = watched("A", answered_at=FINAL + asked_after)
        before, then = (FINAL + asked_again_after - MINUTE, FINAL + asked_again_after)

        assert due(planned(late, watched("B"), now=before), before) == []
        assert due(planned(late, watched("B"), now=then), then) == ["A"]


def test_whom_a_late_answer_missed_is_asked_again_while_others_have_the_session() -> None:
    missed = watched("A", answered_at=FINAL + MINUTE)

    found = {each.symbol: each.at for each in planned(missed, watched("B"), watched("C", FRIDAY))}

    assert found["B"] == FINAL
    assert found["A"] == FINAL + MINUTE + 2 * HOUR


def test_a_source_that_has_nothing_newer_is_asked_once_a_week() -> None:
    asked_at = NIGHT - 3 * DAY
    stopped = watched("A", date(2018, 3, 27), answered_at=asked_at)

    [found] = planned(stopped)

    assert found.at == asked_at + 7 * DAY
    assert found.reason == "alphavantage has nothing after 2018-03-27 and is asked once a week."
    assert due(planned(stopped, watched("B"))) == ["B"]


def test_who_waited_for_most_sessions_comes_first_and_of_equals_who_takes_fewest_calls() -> None:
    symbols = [
        watched("LITTLE"),
        watched("NEW", None, since=NIGHT - HOUR),
        watched("MUCH", date(2026, 11, 9)),
        watched("ANCIENT", None, since=datetime(2026, 11, 16, 23, tzinfo=UTC)),
        watched("EQUAL", date(2026, 11, 16)),
        watched("KNOWN", FRIDAY),
    ]

    found = planned(*symbols, budget=replace(FULL, left=8, frees_at=NIGHT + HOUR))

    assert [each.symbol for each in found] == ["MUCH", "EQUAL", "ANCIENT", "LITTLE", "NEW", "KNOWN"]
    assert [each.at for each in found if each.symbol == "NEW"] == [NIGHT + HOUR]
    assert due(found) == ["MUCH", "EQUAL", "ANCIENT", "LITTLE"]


def test_a_symbol_that_was_never_fetched_takes_its_actions_along() -> None:
    [found] = planned(watched("A", None))

    assert (found.calls, found.with_actions, found.at) == (3, True, SAVED)
    assert found.reason == "It was never fetched."


def test_a_failed_try_is_repeated_later_and_later() -> None:
    tries = [(HOUR,), (3 * HOUR, 2 * HOUR), (9 * HOUR, 8 * HOUR, 4 * HOUR), tuple([HOUR] * 20)]

    waits = [planned(watched("A", FRIDAY - DAY, failures=failed(*ago)))[0].at for ago in tries]

    assert waits == [NIGHT, NIGHT, NIGHT, NIGHT + 23 * HOUR]
    sooner = planned(watched("A", failures=failed(HOUR - MINUTE)))[0]
    assert sooner.at == NIGHT + MINUTE
    assert sooner.reason.endswith("The last try ended with provider-unavailable.")


def test_a_refused_symbol_is_tried_once_more_on_another_day_and_then_left_alone() -> None:
    once = planned(watched("A", None, failures=failed(2 * HOUR, HOUR, code="symbol-refused")))[0]
    twice = planned(watched("A", None, failures=failed(DAY + HOUR, HOUR, code="symbol-refused")))[0]

    assert once.at == NIGHT - HOUR + DAY
    assert (twice.at, twice.calls) == (None, 0)
    assert "refused it on 2026-11-19 and 2026-11-20; it is left alone" in twice.reason


def test_a_symbol_nobody_can_be_asked_for_is_left_alone_with_the_reason() -> None:
    found = planned(watched("A", source=None, hindrance="alphavantage needs a key."), watched("B"))

    assert [(each.symbol, each.at) for each in found] == [("B", FINAL), ("A", None)]
    assert found[1].reason == "alphavantage needs a key."


def test_what_is_under_way_is_not_planned_again() -> None:
    assert planned(watched("A", is_open=True)) == ()


def test_calls_that_the_night_leaves_over_ask_for_actions_of_whom_that_was_longest_ago() -> None:
    many = [watched(f"S{n:02}", actions_at=SAVED + n * DAY / 18) for n in range(18)]
    shown = watched("X", FRIDAY)

    found = planned(*many, shown)

    assert {each.symbol for each in found if each.with_actions} == {"S00", "S01", "S02"}
    assert sum(each.calls for each in found if each.at == FINAL) == 25 - RESERVED_CALLS == 24


def test_who_asks_first_leaves_the_calls_that_the_others_need() -> None:
    symbols = [watched(symbol) for symbol in "ABC"]

    enough, too_few = (
        planned(*symbols, budget=replace(FULL, left=left, frees_at=NIGHT + HOUR)) for left in (6, 5)
    )

    assert [(each.symbol, each.with_actions) for each in enough[:2]] == [("A", True), ("B", False)]
    assert not any(each.with_actions for each in too_few)


def test_actions_never_asked_for_come_before_those_asked_for_long_ago() -> None:
    never = watched("Z", actions_at=None)

    found = planned(watched("A"), never, watched("X", FRIDAY), budget=replace(FULL, calls=5, left=5))

    assert [each.symbol for each in found if each.with_actions] == ["Z"]


def test_actions_of_a_month_ago_are_asked_for_whatever_the_night_leaves_over() -> None:
    overdue = watched("A", actions_at=NIGHT - 29 * DAY)

    [found] = planned(overdue, budget=replace(FULL, left=2, frees_at=NIGHT + HOUR))

    assert (found.with_actions, found.calls) == (True, 3)


def test_actions_that_cost_nothing_come_with_every_refresh() -> None:
    one = watched("A", calls_with_actions=1)

    assert planned(one)[0].with_actions


def test_calls_beyond_the_quota_wait_until_it_frees_and_one_stays_for_people() -> None:
    budget = replace(FULL, calls=3, left=2, frees_at=NIGHT + HOUR)
    shown = watched("X", FRIDAY)

    found = planned(*(watched(symbol) for symbol in "ABCD"), shown, budget=budget)

    at = {each.symbol: each.at for each in found}
    assert [at[symbol] for symbol in "ABCD"] == [FINAL, NIGHT + HOUR, NIGHT + DAY, NIGHT + HOUR + DAY]


def test_calls_of_fetches_under_way_and_a_closed_provider_are_reckoned_with() -> None:
    spoken_for = planned(watched("A"), budget=replace(FULL, calls=3, left=3, spoken_for=2))
    closed = planned(watched("A"), budget=replace(FULL, closed_until=NIGHT + 5 * HOUR))

    assert spoken_for[0].at == NIGHT + DAY
    assert closed[0].at == NIGHT + 5 * HOUR
    used_up = replace(FULL, left=0, frees_at=NIGHT + HOUR, closed_until=NIGHT + 5 * HOUR)
    assert planned(watched("A"), budget=used_up)[0].at == NIGHT + 5 * HOUR


def test_more_fetches_under_way_than_there_are_calls_make_no_calls() -> None:
    crowded = replace(FULL, calls=3, left=3, spoken_for=9)

    found = planned(*(watched(symbol) for symbol in "ABC"), watched("X", FRIDAY), budget=crowded)

    assert [each.at for each in found if each.symbol in "ABC"] == [NIGHT + DAY, NIGHT + DAY, NIGHT + 2 * DAY]


def test_a_quota_of_one_call_is_all_there_is() -> None:
    one = replace(FULL, calls=1, left=1)

    assert planned(watched("A", None), budget=one)[0].at == SAVED
    assert (
        planned(watched("A", None), budget=replace(one, left=0, frees_at=NIGHT + HOUR))[0].at == NIGHT + HOUR
    )


def test_what_ships_with_the_package_costs_nothing_and_waits_for_nobody() -> None:
    found = planned(bundled("A"), bundled("B"), budget=replace(FULL, left=0, frees_at=NIGHT + HOUR))

    assert due(found) == ["A", "B"]
    assert {each.calls for each in found} == {0}


@dataclass
class World:
    """A provider that has every session when it is final, and what was asked of it."""

    symbols: dict[str, Watched]
    quota: int = 25
    calls: list[datetime] = field(default_factory=list)
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    def tick(self, now: datetime) -> None:
        """Do what is due, as the tick and a worker that is at once done with it would."""
        recent = [at for at in self.calls if at > now - DAY]
        budget = Budget(
            calls=self.quota,
            left=self.quota - len(recent),
            window=DAY,
            frees_at=recent[0] + DAY if recent else None,
            spoken_for=0,
            closed_until=None,
        )
        for each in planned(*self.symbols.values(), now=now, budget=budget):
            if each.at and each.at <= now:
                known = self.symbols[each.symbol]
                self.calls += [now] * each.calls
                self.asked.append((each.symbol, now))
                self.symbols[each.symbol] = replace(
                    known,
                    held_to=last_final(now),
                    answered_at=now,
                    actions_at=now if each.with_actions else known.actions_at,
                )

    def night(self, day: date) -> None:
        """Tick each ten minutes from the close of a session until midnight."""
        opening = datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
        for number in range(25):
            self.tick(opening + number * 10 * MINUTE)

    def lag(self, now: datetime) -> int:
        """Return how many sessions the symbol furthest behind lacks."""
        return max(
            behind_sessions(each.held_to, now=now) if each.held_to else 999 for each in self.symbols.values()
        )


def last_final(now: datetime) -> date:
    days = sessions_between(date(2026, 1, 2), now.date())
    return days[-1] if now >= datetime(now.year, now.month, now.day, 21, 30, tzinfo=UTC) else days[-2]


def nights(first: date, last: date) -> tuple[date, ...]:
    return sessions_between(first, last)


def most_in_a_day(calls: list[datetime]) -> int:
    return max(sum(at - DAY < other <= at for other in calls) for at in calls)


def test_eighteen_symbols_stay_fresh_on_a_free_key_and_their_actions_are_asked_for_within_six_days() -> None:
    world = World({f"S{n:02}": watched(f"S{n:02}", date(2026, 1, 16)) for n in range(18)})

    for day in nights(date(2026, 1, 20), date(2026, 3, 6)):
        world.night(day)
        now = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
        assert world.lag(now) == 0
        if day >= date(2026, 2, 2):
            oldest = min(each.actions_at or SAVED for each in world.symbols.values())
            assert now - oldest < 9 * DAY  # six sessions with a weekend or two
    assert most_in_a_day(world.calls) <= 24


def test_an_outage_of_nine_days_heals_with_one_refresh_of_each_symbol() -> None:
    world = World({f"S{n:02}": watched(f"S{n:02}", date(2026, 1, 16)) for n in range(18)})
    now = datetime(2026, 1, 29, 9, tzinfo=UTC)

    for number in range(30):
        world.tick(now + number * MINUTE)

    assert sorted(symbol for symbol, _ in world.asked) == sorted(world.symbols)
    assert world.lag(now) == 0
    assert {each.held_to for each in world.symbols.values()} == {date(2026, 1, 28)}


def test_forty_symbols_take_turns_on_a_free_key_and_none_starves() -> None:
    known = {f"S{n:02}": watched(f"S{n:02}", date(2026, 1, 16)) for n in range(30)}
    new = {f"N{n}": watched(f"N{n}", None, since=datetime(2026, 1, 20, 12, tzinfo=UTC)) for n in range(10)}
    world = World(known | new)

    for day in nights(date(2026, 1, 20), date(2026, 3, 6)):
        world.night(day)
        if day >= date(2026, 2, 2):
            assert world.lag(datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)) <= 3
    assert most_in_a_day(world.calls) <= 24


@given(
    st.lists(
        st.builds(
            watched,
            symbol=st.uuids().map(lambda unique: unique.hex[:10].upper()),
            held_to=st.sampled_from([None, THURSDAY, FRIDAY, date(2026, 11, 3)]),
            answered_at=st.none() | st.integers(1, 4000).map(lambda minutes: NIGHT - minutes * MINUTE),
            is_open=st.booleans(),
            failures=st.sampled_from([(), failed(HOUR), failed(DAY, HOUR, code="symbol-refused")]),
        ),
        max_size=40,
        unique_by=lambda each: each.symbol,
    ),
    st.integers(1, 30),
    st.integers(0, 30),
    st.integers(0, 5),
)
def test_whatever_the_state_each_symbol_is_planned_once_and_never_more_calls_than_are_left(
    symbols: list[Watched], calls: int, used: int, spoken_for: int
) -> None:
    left = max(calls - used, 0)
    budget = replace(FULL, calls=calls, left=left, frees_at=NIGHT + HOUR, spoken_for=spoken_for)

    found = planned(*symbols, budget=budget)

    assert sorted(each.symbol for each in found) == sorted(
        each.symbol for each in symbols if not each.is_open
    )
    now = sum(each.calls for each in found if each.at and each.at <= NIGHT)
    permitted = max(left - min(RESERVED_CALLS, calls - 1) - spoken_for, 0)
    assert now <= permitted or (
        now <= 3 and permitted == calls
    )  # what takes more calls than there are at all
    later = [each.at for each in found if each.at and each.at > NIGHT]
    assert later == sorted(later)


def test_symbols_are_folded_and_kept_once_in_the_order_given() -> None:
    assert watched_symbols(["msft", "AAPL", "MSFT", "brk-b"]) == ("MSFT", "AAPL", "BRK-B")
    assert len(watched_symbols(f"S{n}" for n in range(500))) == 500


@pytest.mark.parametrize("symbols", [[], [f"S{n}" for n in range(501)]], ids=["none", "501"])
def test_no_symbol_or_too_many_are_refused(symbols: list[str]) -> None:
    with pytest.raises(ValidationFailed, match="1 to 500 symbols"):
        watched_symbols(symbols)


def test_what_can_be_no_symbol_is_refused() -> None:
    with pytest.raises(InvalidSymbol):
        watched_symbols(["AAPL", "A B"])
