"""Reports as the API hands them out."""

from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from services.reports.documents.models import Report, ReportFile
from shared.http.tests.api_client import ApiClient, assert_problem

REPORTS = "/api/v1/reports/"
FILES = {
    "pdf": (b"%PDF-1.4 bytes", "application/pdf"),
    "json": (b'{"hash":"1"}', "application/json"),
    "png": (b"\x89PNG bytes", "image/png"),
}


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def stored_report(*, state: str) -> UUID:
    """Put the rows of a report in place, as its events would."""
    report_id = uuid4()
    files = {form: f"{number}" * 64 for number, form in enumerate(FILES)}
    for form, sha256 in files.items():
        body, media_type = FILES[form]
        ReportFile.objects.using("reports").get_or_create(
            sha256=sha256, defaults={"media_type": media_type, "body": body}
        )
    Report.objects.using("reports").create(
        id=report_id,
        symbol="BRK-B",
        data_version=3,
        run_id=uuid4(),
        forecast_id=uuid4(),
        backfill_id=uuid4(),
        state=state,
        files=files if state == "succeeded" else None,
        created_at=timezone.now(),
    )
    return report_id


def test_each_format_comes_with_its_type_and_a_name_to_save_it_under(api: ApiClient) -> None:
    report_id = stored_report(state="succeeded")

    for form, (body, media_type) in FILES.items():
        path = api.show(f"{REPORTS}{report_id}/")["files"][form]
        answer = api.get(path, headers={"Accept": media_type})
        assert (path, answer.content) == (f"{REPORTS}{report_id}.{form}", body)
        assert answer["Content-Type"] == media_type
        assert answer["Content-Disposition"] == f'inline; filename="BRK-B-v3.{form}"'
        asked = api.head(path)
        assert (asked.content, asked["Content-Length"]) == (b"", str(len(body)))


def test_a_file_that_is_not_rendered_yet_is_a_conflict_and_not_missing(api: ApiClient) -> None:
    for state in ("queued", "failed"):
        report_id = stored_report(state=state)
        assert api.show(f"{REPORTS}{report_id}/")["files"] == {}
        for form in FILES:
            answer = api.get(f"{REPORTS}{report_id}.{form}", headers={"Accept": "application/pdf"})
            assert assert_problem(answer, 409, "report-not-ready")["state"] == state


def test_a_symbol_without_finished_work_names_what_starts_it(api: ApiClient) -> None:
    body = assert_problem(api.send(REPORTS, symbol="brk-b"), 404, "nothing-to-report")

    assert body["fetch"] == "/fetch/BRK-B/"
    assert "/fetch/BRK-B/" in body["detail"]


def test_reports_are_listed_by_symbol(api: ApiClient) -> None:
    report_id = stored_report(state="queued")

    [listed] = api.show(REPORTS, symbol="brk-b")["results"]
    assert (listed["id"], listed["data_cut"], listed["status"]) == (str(report_id), {"BRK-B": 3}, "queued")
    assert api.show(REPORTS, symbol="AAPL")["results"] == []
