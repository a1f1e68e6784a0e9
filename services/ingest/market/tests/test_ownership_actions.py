"""A split or dividend belongs to the provider that told it, as a bar does."""

from decimal import Decimal

import psycopg
import pytest

from services.ingest.market.tests.answers import (
    SESSIONS,
    SYMBOL,
    answer,
    known_actions,
    stored_rows,
    tell,
)
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.reader import NoPrices, load_history

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS


def test_an_action_of_another_provider_is_kept_and_one_that_differs_is_named() -> None:
    held = [(DAYS[0], "0.50"), (DAYS[1], "0.60"), (DAYS[2], "0.70")]
    tell(answer(100, 101, 102, 103, dividends=held))

    told = [(DAYS[0], "0.5"), (DAYS[1], "0.61"), (DAYS[10], "0.80")]
    recording = tell(answer(100, 101, 102, 103, *[103] * 10, provider="tiingo", dividends=told))

    assert known_actions() == [
        ("csv", DAYS[0], Decimal("0.5")),
        ("csv", DAYS[1], Decimal("0.6")),
        ("csv", DAYS[2], Decimal("0.7")),
        ("tiingo", DAYS[10], Decimal("0.8")),
    ]
    assert (recording.actions_changed_count, recording.disagreeing_count) == (1, 1)
    assert recording.disagreements[0]["kind"] == "dividend"
    assert (recording.disagreements[0]["held"], recording.disagreements[0]["told"]) == ("0.6", "0.61")


@pytest.mark.parametrize(
    ("day", "is_added"),
    [(4, False), (12, False), (19, False), (21, False), (10, False), (25, True)],
)
def test_an_action_on_a_day_for_which_another_provider_speaks_is_a_disagreement(
    day: int, is_added: bool
) -> None:
    tell(answer(*[100] * 20, dividends=[(DAYS[3], "0.82"), (DAYS[17], "0.82")]))
    told = [(DAYS[3], "0.82"), (DAYS[17], "0.82")]

    recording = tell(answer(*[100] * 30, provider="tiingo", dividends=[*told, (DAYS[day], "0.82")]))

    assert len(known_actions()) == 2 + is_added
    assert recording.disagreeing_count == (not is_added)
    if not is_added:
        assert recording.disagreements[0] == {
            "session": str(DAYS[day]),
            "kind": "dividend",
            "held": "0",
            "told": "0.82",
            "difference_bps": "10000.0",
        }
    taken = tell(
        answer(*[100] * 30, provider="tiingo", dividends=[*told, (DAYS[day], "0.82")]), replaces=True
    )
    assert (taken.disagreeing_count, len(known_actions())) == (0, 3)


def test_an_action_of_a_kind_that_no_other_provider_told_is_added() -> None:
    tell(answer(*[100] * 20, dividends=[(DAYS[3], "0.82")]))

    recording = tell(answer(*[100] * 20, provider="tiingo", splits=[(DAYS[4], "1.1")]))

    assert (recording.actions_changed_count, recording.disagreeing_count) == (1, 0)


def test_a_provider_withdraws_its_own_actions_in_its_own_range_only() -> None:
    closes = range(100, 121)
    tell(answer(*closes, dividends=[(DAYS[0], "0.1"), (DAYS[2], "0.2"), (DAYS[20], "0.3")]))
    tell(answer(119, first=19, provider="tiingo", dividends=[(DAYS[19], "0.4")]), replaces=True)

    recording = tell(answer(*closes[1:20], first=1, dividends=[(DAYS[1], "0.9")], splits=[]))

    assert recording.actions_changed_count == 2
    assert known_actions() == [
        ("csv", DAYS[0], Decimal("0.1")),
        ("csv", DAYS[1], Decimal("0.9")),
        ("tiingo", DAYS[19], Decimal("0.4")),
        ("csv", DAYS[20], Decimal("0.3")),
    ]


def test_the_bars_of_an_answer_say_how_far_back_it_withdraws() -> None:
    tell(answer(100, 101, 102, 103, dividends=[(DAYS[0], "0.1"), (DAYS[1], "0.2"), (DAYS[2], "0.3")]))

    tell(answer(102, 103, first=2, dividends=[(DAYS[0], "0.1"), (DAYS[3], "0.4")]))

    assert [day for _, day, _ in known_actions()] == [DAYS[0], DAYS[1], DAYS[3]]


def test_actions_without_bars_withdraw_within_what_they_name_and_none_when_empty(
    db: psycopg.Connection,
) -> None:
    paid = [(DAYS[0], "0.1"), (DAYS[1], "0.2"), (DAYS[2], "0.3"), (DAYS[3], "0.4")]
    tell(answer(100, 101, 102, 103, dividends=paid))

    recording = tell(answer(dividends=[(DAYS[1], "0.2"), (DAYS[3], "0.4")]))
    nothing = tell(answer(dividends=[], splits=[]))

    assert (recording.version, recording.bar_count, recording.last_session) == (2, 4, DAYS[3])
    assert [day for _, day, _ in known_actions()] == [DAYS[0], DAYS[1], DAYS[3]]
    assert (nothing.changed, nothing.quarantine_id) == (False, None)


def test_actions_of_a_symbol_without_bars_are_refused(db: psycopg.Connection) -> None:
    with pytest.raises(NoPrices):
        tell(answer(dividends=[(DAYS[0], "0.1")]))

    assert stored_rows(db) == [[]] * len(stored_rows(db))


def test_a_declared_dividend_has_no_effect_until_a_bar_of_its_day_is_stored() -> None:
    def adjusted(basis: Basis) -> list[float]:
        closes: list[float] = adjust(load_history("ingest", SYMBOL), basis).close[:3].tolist()
        return closes

    tell(answer(100, 100, 100))
    before = {basis: adjusted(basis) for basis in Basis}

    tell(answer(dividends=[(DAYS[4], 25)]))
    tell(answer(100, first=3))
    day_before = {basis: adjusted(basis) for basis in Basis}
    tell(answer(100, first=4))
    on_the_day = {basis: adjusted(basis) for basis in Basis}

    assert known_actions() == [("csv", DAYS[4], 25)]
    assert day_before == before == dict.fromkeys(Basis, [100.0] * 3)
    assert on_the_day == {**before, Basis.TOTAL_RETURN: [80.0] * 3}
