"""An earlier version comes back as a new one that shows the same, whatever came in between; and nothing is lost."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.postgres.owner import as_owner
from services.ingest.market.models import Bar, InstrumentVersion
from services.ingest.market.restoring import Restoring
from services.ingest.market.services import NothingToRestore, restore_version
from services.ingest.market.tests.answers import (
    NOW,
    SESSIONS,
    SYMBOL,
    answer,
    known_actions,
    known_bars,
    tell,
)
from shared.errors import NotFound
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences
from shared.pricing.reader import NoPrices, load_history

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS


def restore(version: int, *, is_trial: bool = False) -> Restoring:
    return restore_version(symbol=SYMBOL, version=version, now=NOW, is_trial=is_trial)


def shown(version: int, symbol: str = SYMBOL) -> tuple[Any, ...]:
    """Return what a version shows: bars and actions with who told them."""
    history = load_history("ingest", symbol, version=version)
    bars = Bar.objects.using("ingest").filter(symbol=symbol, version__lte=version)
    tellers = bars.exclude(superseded_version__lte=version).order_by("session")
    return (
        history.sessions.tolist(),
        history.close.tolist(),
        history.splits,
        history.dividends,
        list(tellers.values_list("provider", "fetch_id")),
    )


def test_a_version_comes_back_with_its_rows_their_tellers_and_its_actions() -> None:
    tell(answer(100, 101, 102, provider="tiingo", dividends=[(DAYS[1], "0.5")], notes=("a fault",)))
    tell(answer(100, "101.01", "102.01", "103", volume=9, dividends=[(DAYS[2], "0.4")]), replaces=True)
    tell(answer(104, first=4))
    before = [shown(version) for version in (1, 2, 3)]
    assert len(before[2][0]) == 5

    done = restore(1)

    assert [shown(version) for version in (1, 2, 3)] == before
    assert shown(4) == before[0]
    assert (done.added_count, done.corrected_count, done.removed_count) == (0, 3, 2)
    assert (done.version, done.bar_count, done.last_session) == (4, 3, DAYS[2])
    assert [row[0] for row in known_bars()] == ["tiingo"] * 3
    assert known_actions() == [("tiingo", DAYS[1], Decimal("0.5"))]
    told = InstrumentVersion.objects.using("ingest").get(symbol=SYMBOL, version=4)
    assert (told.provider, told.notes) == ("tiingo", ["a fault", "Version 4 brings back version 1."])
    with as_owner():
        assert differences("ingest")["instrument"] == 0


def test_every_session_that_is_another_one_or_no_more_is_named_as_corrected() -> None:
    tell(answer(100, 101))
    tell(answer(100, "101.02", 102))

    restore(1)

    event = Event.objects.using("ingest").get(type="PricesUpdated", version=3).data
    assert event["corrected_sessions"] == [str(DAYS[1]), str(DAYS[2])]
    assert (event["added_count"], event["corrected_count"], event["bar_count"]) == (0, 2, 2)


def test_what_was_brought_back_can_be_undone_likewise() -> None:
    tell(answer(100, 101))
    tell(answer(102, first=2))
    restore(1)

    done = restore(2)

    assert (done.version, done.added_count, done.removed_count) == (4, 1, 0)
    assert shown(4) == shown(2)


def test_sessions_that_were_removed_may_be_told_again() -> None:
    tell(answer(100, 101))
    tell(answer(102, first=2))
    restore(1)

    assert tell(answer(100, 101, 102)).added_count == 1


def test_a_trial_stores_nothing() -> None:
    tell(answer(100, 101))
    tell(answer(102, first=2))

    assert restore(1, is_trial=True).removed_count == 1
    assert (len(known_bars()), Event.objects.using("ingest").count()) == (3, 2)


@pytest.mark.parametrize(("version", "error"), [(1, NothingToRestore), (2, NotFound), (0, NotFound)])
def test_what_is_shown_already_or_never_was_is_refused(version: int, error: type[Exception]) -> None:
    tell(answer(100, 101))

    with pytest.raises(error):
        restore(version)
    assert Event.objects.using("ingest").count() == 1


def test_a_symbol_without_prices_has_no_version_to_bring_back() -> None:
    with pytest.raises(NoPrices):
        restore(1)


_CLOSES = st.lists(st.sampled_from(["100", "100.01", "100.02"]), min_size=1, max_size=4)
_TOLD = st.tuples(st.integers(0, 3), _CLOSES, st.sampled_from(["csv", "tiingo"]), st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(_TOLD, min_size=1, max_size=5), chosen=st.integers(1, 5), name=st.uuids())
def test_whatever_was_told_each_version_comes_back_exactly(told: list[Any], chosen: int, name: Any) -> None:
    symbol = name.hex[:12].upper()
    for first, closes, provider, replaces in told:
        paid: Any = [(DAYS[first], "0.1")]
        tell(
            answer(*closes, first=first, provider=provider, symbol=symbol, dividends=paid), replaces=replaces
        )
    last = InstrumentVersion.objects.using("ingest").filter(symbol=symbol).count()
    version = min(chosen, last)
    before = [shown(each, symbol) for each in range(1, last + 1)]

    try:
        done = restore_version(symbol=symbol, version=version, now=NOW)
    except NothingToRestore:
        assert before[version - 1][:4] == before[-1][:4]
        return

    assert shown(done.version, symbol)[:4] == before[version - 1][:4]
    assert [shown(each, symbol) for each in range(1, last + 1)] == before
