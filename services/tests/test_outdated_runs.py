"""A correction marks exactly the runs that were made on what it corrects."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.analytics.backtests.domain import inputs_for
from services.analytics.backtests.models import Run
from services.analytics.backtests.services import start_backtest
from services.ingest.market.tests.answers import SESSIONS, answer, tell
from services.tests.pipeline import drain_everything
from shared.eventstore.jobs import due_jobs
from shared.eventstore.rebuild import differences
from shared.eventstore.worker import run_job
from shared.pricing.reader import latest_version

type Owner = psycopg.Connection[Any]
CLOSES = [100 + (number * 7) % 11 for number in range(60)]
EARLY, LATE = (SESSIONS[0], SESSIONS[29]), (SESSIONS[30], SESSIONS[59])


@pytest.fixture(autouse=True)
def prices(db: Owner, cause: UUID) -> None:
    """Store sixty sessions of TEST, and of OTHER."""
    for symbol in ("TEST", "OTHER"):
        tell(answer(*CLOSES, symbol=symbol))
    settle()


def settle() -> None:
    """Do what is pending, without reports."""
    drain_everything(("ingest", "analytics"))


def ask(span: tuple[date, date], *, symbol: str = "TEST") -> UUID:
    """Ask for a run on a span at the newest version."""
    inputs = inputs_for(
        symbol=symbol,
        data_version=latest_version("analytics", symbol),
        basis="split",
        strategy="moving_average_dip",
        parameters={"buy_window": 2, "sell_window": 5},
        initial_capital=Decimal(10_000),
        commission_bps=Decimal(10),
        slippage_bps=Decimal(5),
        start=span[0],
        end=span[1],
    )
    return start_backtest(inputs=inputs, now=timezone.now())


def correct(number: int, *, symbol: str = "TEST", close: int = 103) -> None:
    """Have the close of one session come back different."""
    tell(answer(close, first=number, symbol=symbol))
    settle()


def outdated() -> dict[UUID, tuple[int | None, int | None]]:
    """Return version and count of the corrections of each run that was asked for with a span."""
    rows = Run.objects.using("analytics").exclude(start=None)
    return {run.id: (run.outdated_by_version, run.changed_count) for run in rows}


def test_a_correction_marks_the_runs_on_its_session_and_no_other() -> None:
    early, late, other = ask(EARLY), ask(LATE), ask(EARLY, symbol="OTHER")
    settle()

    correct(10)

    assert outdated() == {early: (2, 1), late: (None, None), other: (None, None)}


def test_the_first_correction_stays_the_one_that_is_told() -> None:
    run = ask(EARLY)
    settle()

    correct(10)
    correct(11)

    assert outdated() == {run: (2, 1)}


def test_a_run_on_the_corrected_prices_is_up_to_date() -> None:
    early = ask(EARLY)
    settle()
    correct(10)
    again = ask(EARLY)
    settle()

    assert outdated() == {early: (2, 1), again: (None, None)}


def test_new_sessions_and_a_thousand_corrections_elsewhere_mark_nothing() -> None:
    run = ask(EARLY)
    settle()

    tell(answer(*(104,) * 1000, first=60))
    tell(answer(*(106,) * 1000, first=60))
    correct(40)

    assert outdated() == {run: (None, None)}


def test_a_dividend_that_comes_late_is_a_correction() -> None:
    run = ask(EARLY)
    settle()

    tell(answer(*CLOSES, dividends=[(SESSIONS[20], "0.50")]))
    settle()

    assert outdated() == {run: (2, 1)}


def test_a_correction_while_the_run_waits_is_told_once_the_run_is_made() -> None:
    run = ask(EARLY)
    correct_before_it_is_made()

    settle()

    assert outdated() == {run: (2, 1)}


def correct_before_it_is_made() -> None:
    """Have a correction arrive at analytics before any of its jobs is done."""
    tell(answer(103, first=10))
    drain_everything(("ingest",))


def test_a_run_made_again_after_the_rebuild_says_the_same(db: Owner) -> None:
    ask(EARLY)
    settle()
    correct(10)

    with as_owner():
        assert differences("analytics")["run"] == 0


def test_a_job_that_is_done_twice_tells_once() -> None:
    ask(EARLY)
    tell(answer(103, first=10))
    for job_id in due_jobs("analytics", limit=10):
        run_job("analytics", job_id, lease_seconds=60)
    settle()

    assert [row for row in outdated().values() if row[0]] == [(2, 1)]
