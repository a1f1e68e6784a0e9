"""Many workers at one sweep, some of which die, and those who stop it."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from services.analytics.kernel.sweep import run_chunk
from services.analytics.sweeps import domain, services
from services.analytics.sweeps.models import Sweep, SweepChunk
from services.analytics.sweeps.services import run_sweep_chunk
from services.tests.pipeline import LEASE_SECONDS, drain_everything
from shared.errors import ValidationFailed
from shared.eventstore.jobs import LeaseLost, due_jobs, lease
from shared.eventstore.models import Event, Job
from shared.eventstore.tests.tally import together
from shared.eventstore.worker import release_expired, run_job
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.observability.correlation import Cause, caused_by

SWEEPS = "/api/v1/sweeps/"
ASKED: dict[str, Any] = {
    "symbol": "FB",
    "strategy": "sma_cross",
    "grid": {"fast_window": [5, 10, 15, 20], "slow_window": [30, 40, 50]},
}


@pytest.fixture
def api(token: str, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(domain, "CHUNK_CELLS", 3)
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


@pytest.fixture
def address(api: ApiClient) -> str:
    made = api.send(SWEEPS, **ASKED)
    assert made.status_code == 202, made.content
    found: str = made["Location"]
    return found


def do(count: int) -> None:
    """Do some of the jobs that are due."""
    for job_id in due_jobs("analytics", limit=count):
        run_job("analytics", job_id, lease_seconds=LEASE_SECONDS)


def jobs(**which: Any) -> Any:
    return Job.objects.using("analytics").filter(kind__startswith="sweep", **which)


def hashes() -> list[str]:
    found = SweepChunk.objects.using("analytics").order_by("number")
    return list(found.values_list("surface_hash", flat=True))


def test_a_sweep_is_one_job_for_each_chunk_and_one_that_ends_it(api: ApiClient, address: str) -> None:
    assert jobs(state="queued").count() == 4
    do(1)
    assert (api.show(address)["status"], api.show(address)["chunks_done"]) == ("running", 1)

    do(3)
    assert api.show(address)["status"] == "running"
    assert [job.kind for job in jobs(state="queued")] == ["sweep_end"]
    do(1)

    assert api.show(address)["status"] == "succeeded"
    assert set(jobs().values_list("state", flat=True)) == {"succeeded"}


def test_the_chunks_that_workers_finish_at_once_are_all_recorded_and_ended_once(
    api: ApiClient, address: str
) -> None:
    ids = due_jobs("analytics", limit=10)

    def work(job_id: UUID) -> None:
        run_job("analytics", job_id, lease_seconds=LEASE_SECONDS)
        connections.close_all()

    together(*(lambda job_id=job_id: work(job_id) for job_id in ids))

    assert len(ids) == api.show(address)["chunks_done"] == 4
    assert jobs(kind="sweep_end").count() == 1
    assert set(jobs(kind="sweep_chunk").values_list("attempts", flat=True)) == {1}


def test_cancelling_before_any_chunk_stops_all(api: ApiClient, address: str) -> None:
    first, again = api.delete(address), api.delete(address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "run_chunk", None)  # nobody begins to work for nothing
        drain_everything(("analytics",))

    assert first.status_code == again.status_code == 200
    assert first.json()["error"]["detail"] == "It was cancelled when 0 of 4 chunks were done."
    assert api.show(address) == first.json() == again.json()
    assert first.json()["status"] == "cancelled"
    assert hashes() == []
    assert set(jobs().values_list("state", flat=True)) == {"cancelled"}


def test_cancelling_under_way_stops_between_chunks_and_drops_the_one_at_work(
    api: ApiClient, address: str
) -> None:
    do(1)
    job = lease("analytics", due_jobs("analytics", limit=1)[0], lease_seconds=LEASE_SECONDS)
    assert job is not None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "run_chunk", _cancelling_first(api, address))
        run_sweep_chunk(job=job, now=timezone.now())
    drain_everything(("analytics",))

    sweep = api.show(address)
    assert (sweep["status"], sweep["chunks_done"], len(hashes())) == ("cancelled", 1, 1)
    assert job.outcome == "cancelled"


def test_a_cancelled_sweep_asked_for_again_makes_only_what_is_missing(api: ApiClient, address: str) -> None:
    do(2)
    api.delete(address)
    kept = hashes()
    # Two jobs of before still wait; they go on with it.
    again = api.send(SWEEPS, **ASKED)
    assert (again.status_code, again["Location"]) == (202, address)
    assert jobs(state="queued").count() == 2
    drain_everything(("analytics",))

    assert api.show(address)["status"] == "succeeded"
    assert (len(kept), hashes()[:2]) == (2, kept)
    assert SweepChunk.objects.using("analytics").count() == api.show(address)["chunks_done"] == 4
    assert Event.objects.using("analytics").filter(type="SweepProgressed").count() == 4


def test_asking_again_after_the_jobs_have_ended_queues_the_missing_chunks(
    api: ApiClient, address: str
) -> None:
    do(1)
    api.delete(address)
    drain_everything(("analytics",))
    api.send(SWEEPS, **ASKED)

    assert jobs(state="queued").count() == 3
    drain_everything(("analytics",))
    assert api.show(address)["status"] == "succeeded"


def test_a_sweep_cancelled_before_its_end_ends_when_it_is_asked_for_again(
    api: ApiClient, address: str
) -> None:
    do(4)
    api.delete(address)
    drain_everything(("analytics",))
    assert api.show(address)["status"] == "cancelled"
    api.send(SWEEPS, **ASKED)
    drain_everything(("analytics",))

    assert api.show(address)["status"] == "succeeded"


def test_what_is_over_cannot_be_cancelled(api: ApiClient, address: str) -> None:
    drain_everything(("analytics",))

    assert_problem(api.delete(address), 409, "not-cancellable")
    missing = f"{SWEEPS}00000000-0000-7000-8000-000000000000/"
    assert_problem(api.delete(missing), 404, "not-found")


def test_a_chunk_whose_worker_died_is_done_by_another_and_what_the_dead_brings_is_dropped(
    api: ApiClient, address: str
) -> None:
    dead = lease("analytics", due_jobs("analytics", limit=1)[0], lease_seconds=0)
    assert dead is not None
    release_expired("analytics")
    drain_everything(("analytics",))

    assert api.show(address)["status"] == "succeeded"
    before = hashes()
    with caused_by(Cause(dead.correlation_id)), pytest.raises(LeaseLost):
        run_sweep_chunk(job=dead, now=timezone.now())
    assert hashes() == before
    assert len(before) == 4


def test_a_worker_that_comes_back_while_another_has_its_chunk_records_nothing(
    api: ApiClient, address: str
) -> None:
    dead = lease("analytics", due_jobs("analytics", limit=1)[0], lease_seconds=0)
    assert dead is not None
    release_expired("analytics")

    with caused_by(Cause(dead.correlation_id)), pytest.raises(LeaseLost):
        run_sweep_chunk(job=dead, now=timezone.now())

    assert hashes() == []
    assert Sweep.objects.using("analytics").get().chunks_done == 0


def test_a_chunk_that_cannot_be_run_ends_the_sweep_with_its_reason(api: ApiClient, address: str) -> None:
    def refuse(*given: Any) -> None:
        raise ValidationFailed("These prices cannot be used.")

    do(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "run_chunk", refuse)
        do(1)
    drain_everything(("analytics",))

    sweep = api.show(address)
    assert (sweep["status"], sweep["error"]["detail"]) == ("refused", "These prices cannot be used.")
    assert (sweep["chunks_done"], len(hashes())) == (1, 1)
    assert sorted(jobs().values_list("state", flat=True)) == [
        "cancelled",
        "cancelled",
        "refused",
        "succeeded",
    ]


def _cancelling_first(api: ApiClient, address: str) -> Any:
    def run(*given: Any) -> Any:
        assert api.delete(address).status_code == 200
        return run_chunk(*given)

    return run
