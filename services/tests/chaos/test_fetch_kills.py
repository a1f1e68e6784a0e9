"""A fetch whose worker dies: matrix rows 1 to 3. The provider answers over real HTTP."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import request_fetch
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.tests.chaos.spawn import KILLED
from services.tests.chaos.stage import Stage
from services.tests.processes import wait_until

COUNT = 600


@pytest.fixture
def bus_url() -> None:
    """Need no broker: a fetch ends in ingest's own record."""


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Give the settings by which a worker, and this process, reach a vendor that knows AAPL."""
    from django.conf import settings

    from services.ingest.fetches.domain import last_final_session

    with Simulator(moved("AAPL", until=last_final_session(timezone.now()), count=COUNT)) as running:
        monkeypatch.setitem(settings.BELLWETHER, "TIINGO_API_KEY", KEY)
        monkeypatch.setitem(settings.BELLWETHER, "TIINGO_BASE_URL", running.tiingo_url)
        yield {"TIINGO_API_KEY": KEY, "TIINGO_BASE_URL": running.tiingo_url}


@pytest.mark.parametrize(
    ("point", "left", "calls"),
    [
        ("fetch.answered", (0, 0), 2),
        ("fetch.written", (0, 0), 1),
        ("fetch.recorded", (0, 0), 1),
        ("fetch.committed", (COUNT, 1), 1),
    ],
)
def test_a_fetch_killed_at_a_point_is_stored_whole_or_not_at_all_and_ends_once(
    stage: Stage, cause: object, vendor: dict[str, str], point: str, left: tuple[int, int], calls: int
) -> None:
    fetch_id = uuid4()
    request_fetch(
        fetch_id=fetch_id, symbol="AAPL", provider="tiingo", start=None, end=None, now=timezone.now()
    )

    dying = stage.start("work", service="ingest", KILL_AT=point, **vendor)
    assert dying.wait() == KILLED, dying.tail()
    assert stored(stage) == left
    stage.start("work", "tick", service="ingest", **vendor)
    wait_until(lambda: state_of_job(stage) not in {"queued", "running"}, saying="the fetch's end")

    assert state_of_job(stage) == "succeeded"
    assert stored(stage) == (COUNT, 1)
    ends = stage.owner.execute(
        "SELECT count(*) FROM ingest.event WHERE stream = %s AND type = 'FetchCompleted'",
        [f"fetch-{fetch_id}"],
    ).fetchone()
    assert ends == (1,)
    # What was sent to the vendor is on record before its answer, so no call goes uncounted.
    made = stage.owner.execute("SELECT count(*) FROM ingest.provider_call").fetchone()
    assert made == (calls,)


def stored(stage: Stage) -> tuple[int, int]:
    """Return how many bars and how many events of prices are stored."""
    row = stage.owner.execute(
        "SELECT (SELECT count(*) FROM ingest.bar),"
        " (SELECT count(*) FROM ingest.event WHERE type = 'PricesUpdated')"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def state_of_job(stage: Stage) -> str:
    row = stage.owner.execute("SELECT state FROM ingest.job").fetchone()
    assert row is not None
    return str(row[0])
