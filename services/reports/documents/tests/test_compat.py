"""The older addresses of a report: which file is given as what, and what is said while there is none."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone

from services.reports.documents.models import Report, ReportFile, ReportPart
from shared.http.tests.api_client import ApiClient, assert_problem

FILES = {
    "pdf": (b"%PDF-1.4 bytes", "application/pdf"),
    "json": (b'{"hash":"1"}', "application/json"),
    "png": (b"\x89PNG bytes", "image/png"),
}
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,*/*;q=0.8"
AT_ONCE = {"Prefer": "wait=0"}


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def prices_of(db: psycopg.Connection[Any], symbol: str, *, version: int) -> None:
    """Put the row of an instrument in place, as ingest would."""
    db.execute(
        "INSERT INTO ingest.instrument (symbol, version, first_session, last_session, bar_count, provider,"
        " attribution, notes, updated_at) VALUES (%s, %s, '2015-01-02', '2016-01-04', 252, 'csv', '', '[]', now())",
        [symbol, version],
    )


def stored_report(symbol: str, *, version: int, state: str, problem: dict[str, Any] | None = None) -> UUID:
    """Put the rows of a report in place, as its events would."""
    files = {form: f"{number}" * 64 for number, form in enumerate(FILES)}
    for form, sha256 in files.items():
        body, media_type = FILES[form]
        ReportFile.objects.using("reports").get_or_create(
            sha256=sha256, defaults={"media_type": media_type, "body": body}
        )
    report = Report.objects.using("reports").create(
        id=uuid4(),
        symbol=symbol,
        data_version=version,
        run_id=uuid4(),
        forecast_id=uuid4(),
        backfill_id=uuid4(),
        state=state,
        files=files if state == "succeeded" else None,
        problem=problem,
        created_at=timezone.now(),
    )
    return report.id


@pytest.mark.parametrize(
    ("path", "accept", "form", "disposition"),
    [
        ("/report/brk-b/", "*/*", "pdf", "inline"),
        ("/report/BRK-B", "", "pdf", "inline"),
        ("/report/BRK-B/", CHROME, "pdf", "inline"),
        ("/report/BRK-B/", FIREFOX, "pdf", "inline"),
        ("/report/BRK-B/", "text/html", "pdf", "inline"),
        ("/report/BRK-B/", "application/pdf", "pdf", "inline"),
        ("/report/BRK-B/", "application/*", "pdf", "inline"),
        ("/report/BRK-B/", "application/json", "json", "inline"),
        ("/report/BRK-B/", "application/json, */*;q=0.1", "json", "inline"),
        ("/report/BRK-B/", "application/json;q=0.1, application/pdf", "pdf", "inline"),
        ("/report/BRK-B/", "image/png", "png", "inline"),
        ("/report/BRK-B/?format=json", "application/pdf", "json", "inline"),
        ("/report/BRK-B/?format=json", CHROME, "json", "inline"),
        ("/report/BRK-B/?format=png", "*/*", "png", "inline"),
        ("/report/BRK-B/?format=pdf", "text/xml", "pdf", "inline"),
        ("/report/BRK-B/pdf/", "*/*", "pdf", "attachment"),
        ("/report/brk-b/pdf", CHROME, "pdf", "attachment"),
        ("/report/BRK-B/json/", "text/xml", "json", "inline"),
        ("/report/BRK-B/image/", CHROME, "png", "inline"),
        ("/report/BRK-B/image", "application/json", "png", "inline"),
        ("/report/json/BRK-B/", "*/*", "json", "inline"),
        ("/report/json/brk-b", CHROME, "json", "inline"),
    ],
)
def test_the_file_is_the_one_that_is_asked_for(
    api: ApiClient, db: psycopg.Connection[Any], path: str, accept: str, form: str, disposition: str
) -> None:
    prices_of(db, "BRK-B", version=3)
    stored_report("BRK-B", version=3, state="succeeded")

    answer = api.get(path, headers={"Accept": accept} if accept else {})
    asked = api.head(path, headers={"Accept": accept} if accept else {})

    body, media_type = FILES[form]
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, body, media_type)
    assert answer["Content-Disposition"] == f'{disposition}; filename="BRK-B-v3.{form}"'
    assert answer["Link"] == '</api/v1/reports/>; rel="successor-version"'
    assert (asked.status_code, asked.content, asked["Content-Length"]) == (200, b"", str(len(body)))


def test_a_symbol_that_is_called_like_a_format_has_a_report_too(
    api: ApiClient, db: psycopg.Connection[Any]
) -> None:
    for symbol in ("JSON", "PDF"):
        prices_of(db, symbol, version=1)
        stored_report(symbol, version=1, state="succeeded")

    names = {
        path: api.get(path)["Content-Disposition"].partition("filename=")[2]
        for path in (
            "/report/JSON/",
            "/report/json/",
            "/report/JSON/pdf/",
            "/report/json/json/",
            "/report/json/pdf/",
        )
    }
    assert names == {
        "/report/JSON/": '"JSON-v1.pdf"',
        "/report/json/": '"JSON-v1.pdf"',
        "/report/JSON/pdf/": '"JSON-v1.pdf"',
        "/report/json/json/": '"JSON-v1.json"',
        "/report/json/pdf/": '"PDF-v1.json"',
    }


@pytest.mark.parametrize(
    "path",
    ["/report/nope/", "/report/nope/pdf/", "/report/nope/json/", "/report/nope/image/", "/report/json/nope/"],
)
def test_a_symbol_without_prices_is_told_at_once_what_fetches_them(api: ApiClient, path: str) -> None:
    answer = api.get(path, headers={"Accept": "*/*"})

    assert assert_problem(answer, 404, "unknown-symbol")["fetch"] == "/fetch/NOPE/"
    assert answer["Link"] == '</api/v1/reports/>; rel="successor-version"'


def test_prices_that_are_still_being_worked_on_are_not_answered_with_the_report_before(
    api: ApiClient, db: psycopg.Connection[Any]
) -> None:
    prices_of(db, "ACME", version=2)
    stored_report("ACME", version=1, state="succeeded")

    answer = api.get("/report/acme/?format=png", headers=AT_ONCE)

    assert (answer.status_code, answer["Location"], answer["Retry-After"]) == (
        202,
        "/report/acme/?format=png",
        "1",
    )
    assert answer.json() == {"symbol": "ACME", "data_cut": {"ACME": 2}, "status": "running"}


def test_a_report_that_is_being_rendered_is_named(api: ApiClient, db: psycopg.Connection[Any]) -> None:
    prices_of(db, "ACME", version=1)
    report_id = stored_report("ACME", version=1, state="queued")

    answer = api.get("/report/ACME/pdf/", headers=AT_ONCE)

    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/reports/{report_id}/")
    assert answer.json()["status"] == "queued"


def test_a_report_that_failed_is_rendered_again(api: ApiClient, db: psycopg.Connection[Any]) -> None:
    prices_of(db, "ACME", version=1)
    stored_report("ACME", version=1, state="failed", problem={"status": 500, "detail": "broke"})
    outcomes = {
        f"{part}_{kind}": uuid4() for part in ("run", "forecast", "backfill") for kind in ("id", "event_id")
    }
    ReportPart.objects.using("reports").create(symbol="ACME", data_version=1, **outcomes)

    answer = api.get("/report/ACME/", headers=AT_ONCE)

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert Report.objects.using("reports").get(state="queued").run_id == outcomes["run_id"]


def test_what_cannot_be_given_is_refused(api: ApiClient, db: psycopg.Connection[Any]) -> None:
    prices_of(db, "ACME", version=1)
    stored_report("ACME", version=1, state="succeeded")

    assert_problem(api.get("/report/ACME/", headers={"Accept": "text/xml"}), 406, "not-acceptable")
    assert_problem(api.get("/report/ACME/?format=html"), 400, "validation-error")
    assert_problem(api.get("/report/ACME/pdf/?page=1"), 400, "validation-error")
    assert_problem(api.get("/report/a*me/"), 404, "not-found")
    assert_problem(api.post("/report/ACME/"), 405, "method-not-allowed")
