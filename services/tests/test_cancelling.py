"""Work that no worker has begun can be taken back; asking again begins it again."""

from threading import Event
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.reports.documents.models import Report
from services.tests.pipeline import drain_everything
from shared.contracts.reports import ReportFailed
from shared.eventstore.append import append
from shared.eventstore.inbox import receive
from shared.eventstore.jobs import due_jobs, lease
from shared.eventstore.rebuild import differences
from shared.eventstore.tests.tally import together
from shared.eventstore.worker import run_job
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.messaging.postgres_bus import PostgresBus
from shared.observability.correlation import Cause, caused_by
from shared.settings.databases import SERVICES

SERVICE_OF = {"fetches": "ingest", "backtests": "analytics", "forecasts": "analytics", "reports": "reports"}
WORK = tuple(SERVICE_OF)
type Owner = psycopg.Connection[Any]


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def queue(api: ApiClient, work: str) -> str:
    """Ask for a piece of work that nothing has begun, and return its address."""
    if work != "fetches":
        api.send("/api/v1/fetches/", symbol="FB")
        drain_everything(("ingest",) if work != "reports" else SERVICES)
    if (
        work == "reports"
    ):  # the one that is there is of the same work, so it must have failed to be made again
        [made] = api.show("/api/v1/reports/")["results"]
        break_report(UUID(made["id"]))
    answer = api.send(f"/api/v1/{work}/", symbol="FB")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    address: str = answer["Location"]
    return address


def start_standing_work(api: ApiClient) -> None:
    """Fetch, and have analytics hear of it, without beginning what that queues there."""
    api.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    bus = PostgresBus()
    with caused_by(Cause(uuid4())), bus.batch("analytics", limit=100, wait_seconds=0) as bodies:
        receive("analytics", bodies, pause=Event().wait)
    bus.close()


def break_report(report_id: UUID) -> None:
    """Record that a report failed, as its job would have."""
    report = Report.objects.using("reports").get(id=report_id)
    failed = ReportFailed(
        report_id=report.id,
        symbol=report.symbol,
        data_version=report.data_version,
        state="failed",
        problem={"type": "/problems/internal-error", "title": "Broken", "status": 500, "detail": "Broken."},
    )
    with caused_by(Cause(uuid4())), transaction.atomic(using="reports", durable=True):
        append("reports", f"report-{report.id}", failed, now=timezone.now())


def assert_rebuilt_equals_live() -> None:
    with as_owner():
        assert {service: sum(differences(service).values()) for service in SERVICES} == dict.fromkeys(
            SERVICES, 0
        )


@pytest.mark.parametrize("work", WORK)
def test_queued_work_is_cancelled_once_and_begins_again_when_it_is_asked_for(
    api: ApiClient, work: str
) -> None:
    address = queue(api, work)

    cancelled, again = api.delete(address), api.delete(address)

    assert cancelled.status_code == again.status_code == 200
    body = cancelled.json()
    assert (body["status"], body["error"]["type"]) == ("cancelled", "/problems/cancelled")
    assert body == again.json() == api.show(address)
    assert due_jobs(SERVICE_OF[work], limit=9) == []
    assert_rebuilt_equals_live()

    asked = api.send(f"/api/v1/{work}/", symbol="FB")
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    drain_everything()
    assert api.show(asked["Location"])["status"] == "succeeded"
    assert_rebuilt_equals_live()


@pytest.mark.parametrize("work", WORK)
def test_work_in_a_workers_hands_or_done_is_not_cancelled(api: ApiClient, work: str) -> None:
    address, service = queue(api, work), SERVICE_OF[work]
    [job_id] = due_jobs(service, limit=9)
    lease(service, job_id, lease_seconds=60)

    assert_problem(api.delete(address), 409, "not-cancellable")
    assert api.show(address)["status"] == "running"


def test_what_is_done_is_not_cancelled(api: ApiClient) -> None:
    address = queue(api, "fetches")
    drain_everything()

    assert_problem(api.delete(address), 409, "not-cancellable")
    [run] = api.show("/api/v1/backtests/")["results"]
    assert_problem(api.delete(f"/api/v1/backtests/{run['id']}/"), 409, "not-cancellable")
    assert api.show(address)["status"] == "succeeded"


@pytest.mark.parametrize("work", WORK)
def test_what_is_not_there_is_not_cancelled(api: ApiClient, work: str) -> None:
    assert_problem(api.delete(f"/api/v1/{work}/{uuid4()}/"), 404, "not-found")


def test_work_that_waits_to_be_tried_again_is_cancelled_too(api: ApiClient, db: Owner) -> None:
    address = queue(api, "fetches")
    db.execute("UPDATE ingest.job SET run_after = now() + interval '1 hour'")

    assert api.delete(address).json()["status"] == "cancelled"


def test_a_forecast_takes_the_one_that_is_made_with_it_along(api: ApiClient) -> None:
    api.delete(queue(api, "forecasts"))

    rows = api.show("/api/v1/forecasts/")["results"]
    assert {row["kind"]: row["status"] for row in rows} == {"live": "cancelled", "backfilled": "cancelled"}


@pytest.mark.parametrize("work", ["backtests", "forecasts"])
def test_standing_work_that_was_cancelled_is_no_outcome_to_report_on(api: ApiClient, work: str) -> None:
    start_standing_work(api)
    rows = api.show(f"/api/v1/{work}/")["results"]
    assert {row["status"] for row in rows} == {"queued"}

    api.delete(f"/api/v1/{work}/{rows[0]['id']}/")
    drain_everything()

    assert api.show("/api/v1/reports/")["results"] == []
    again = {"backtests": "/backtest/FB/10000/", "forecasts": "/predict/FB/"}[work]
    for refused in (api.send("/api/v1/reports/", symbol="FB"), api.get("/report/FB/")):
        assert assert_problem(refused, 409, "work-cancelled")["again"] == again
    assert_rebuilt_equals_live()

    assert api.get(again).status_code == 202
    drain_everything()
    [report] = api.show("/api/v1/reports/")["results"]
    assert report["status"] == "succeeded"
    assert_rebuilt_equals_live()


def test_a_cancelled_report_is_not_begun_again_by_what_happens_to_the_work_it_is_about(
    api: ApiClient, db: Owner
) -> None:
    api.delete(queue(api, "reports"))
    db.execute("UPDATE analytics.run SET state = 'failed'")
    run = api.send("/api/v1/backtests/", symbol="FB")

    api.delete(run["Location"])
    drain_everything()

    assert [row["status"] for row in api.show("/api/v1/reports/")["results"]] == ["cancelled"]


def test_all_who_ask_again_for_a_broken_report_at_once_get_the_one_that_is_begun(api: ApiClient) -> None:
    queue(api, "reports")
    drain_everything()
    [made] = api.show("/api/v1/reports/")["results"]

    def ask() -> tuple[int, str]:
        answer = api.send("/api/v1/reports/", symbol="FB")
        return answer.status_code, answer.json().get("id")

    for _ in range(5):
        break_report(UUID(made["id"]))
        assert set(together(ask, ask, ask)) == {(202, made["id"])}
        assert len(due_jobs("reports", limit=9)) == 1
        drain_everything()


def test_either_the_worker_or_the_caller_has_the_job(api: ApiClient) -> None:
    outcomes = set()
    for _ in range(12):
        address = queue(api, "fetches")
        [job_id] = due_jobs("ingest", limit=9)

        def work(job_id: UUID = job_id) -> None:
            run_job("ingest", job_id, lease_seconds=60)

        def cancel(address: str = address) -> int:
            return int(api.delete(address).status_code)

        _, status = together(work, cancel)
        outcomes.add((status, api.show(address)["status"]))

    assert outcomes <= {(200, "cancelled"), (409, "succeeded")}


def test_a_cancellation_that_cannot_be_recorded_leaves_the_job_as_it_was(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(**_: Any) -> None:
        raise RuntimeError("a bug")

    address = queue(api, "fetches")
    with monkeypatch.context() as patched:
        patched.setattr("services.ingest.fetches.tasks.fail_fetch", break_down)
        assert api.delete(address).status_code == 500

    assert len(due_jobs("ingest", limit=9)) == 1
    assert api.delete(address).status_code == 200
