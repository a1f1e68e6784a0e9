"""The addresses of the older single-app system, one by one, for programs and for browsers."""

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.test import Client

from services.tests.openapi import assert_documented, published_document
from services.tests.pipeline import drain_everything, draining
from services.tests.processes import worker_process
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import Token, User
from shared.identity.tokens import issue_token

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PDF, JSON, PNG, HTML = "application/pdf", "application/json", "image/png", "text/html; charset=utf-8"
# Each address with the canonical one, what a program is given and what a browser is.
OLDER = {
    "/fetch/FB/": ("/api/v1/fetches/", JSON, HTML),
    "/backtest/FB/10000/": ("/api/v1/backtests/", JSON, HTML),
    "/backtest/FB/2500.50/": ("/api/v1/backtests/", JSON, HTML),
    "/predict/FB/": ("/api/v1/forecasts/", JSON, HTML),
    "/report/FB/": ("/api/v1/reports/", PDF, PDF),
    "/report/FB/pdf/": ("/api/v1/reports/", PDF, PDF),
    "/report/FB/json/": ("/api/v1/reports/", JSON, JSON),
    "/report/FB/image/": ("/api/v1/reports/", PNG, PNG),
    "/report/json/FB/": ("/api/v1/reports/", JSON, JSON),
}
CHARTS = "/api/v1/backtest/"
TEMPLATES = {
    "/fetch/{symbol}/": "/fetch/FB/",
    "/backtest/{symbol}/{initial_investment}/": "/backtest/FB/10000/",
    "/predict/{symbol}/": "/predict/FB/",
    "/report/{symbol}/": "/report/FB/",
    "/report/{symbol}/pdf/": "/report/FB/pdf/",
    "/report/{symbol}/json/": "/report/FB/json/",
    "/report/{symbol}/image/": "/report/FB/image/",
    "/report/json/{symbol}/": "/report/json/FB/",
}


@pytest.fixture
def program(token: str) -> Client:
    """Give a program with a token, that waits as long as it is made to."""
    return Client(headers={"Authorization": f"Token {token}"}, raise_request_exception=False)


@pytest.fixture
def stranger(db: psycopg.Connection[Any]) -> Client:
    """Give a browser that nobody is logged in with."""
    return Client(headers={"Accept": BROWSER}, raise_request_exception=False)


@pytest.fixture
def browser(stranger: Client) -> Client:
    """Give a browser with a login session."""
    with transaction.atomic(using="identity"):
        user = User.objects.using("identity").create(username="reader")
        stranger.cookies[SESSION_COOKIE] = issue_token(user=user, secret=os.urandom(32), kind="session").text
    return stranger


def successor_of(answer: Any) -> str:
    """Return the canonical address that an answer names."""
    address, _, relation = answer["Link"].partition(">; ")
    assert relation == 'rel="successor-version"'
    return str(address.removeprefix("<"))


def test_each_address_waits_for_its_work_and_names_the_canonical_one(
    program: Client, browser: Client
) -> None:
    with draining():
        answers = {path: program.get(path) for path in OLDER}
    pages = {path: browser.get(path) for path in OLDER}

    for path, (canonical, for_programs, for_browsers) in OLDER.items():
        assert (answers[path].status_code, answers[path]["Content-Type"]) == (200, for_programs), path
        assert (pages[path].status_code, pages[path]["Content-Type"]) == (200, for_browsers), path
        for answer in (answers[path], pages[path]):
            assert successor_of(answer) == canonical
            assert answer["Deprecation"] == "@1795132800"
        if for_browsers == HTML:
            assert b"FB" in pages[path].content
            assert b"?format=json" in pages[path].content
            assert browser.get(f"{path}?format=json").json() == answers[path].json()
        else:
            assert pages[path].content == answers[path].content


def test_each_address_answers_head_without_its_slash_and_in_lower_case(program: Client) -> None:
    with draining():
        shown = {path: program.get(path) for path in OLDER}

    for path, answer in shown.items():
        other = path.rstrip("/").replace("FB", "fb")
        asked = program.head(other)
        assert program.get(other).content == answer.content, path
        assert (asked.status_code, asked.content) == (200, b"")
        assert (asked["Content-Length"], asked["Link"]) == (str(len(answer.content)), answer["Link"])


def test_whoever_is_not_logged_in_is_sent_to_the_login_page_by_browser_and_refused_else(
    stranger: Client,
) -> None:
    for path, (canonical, *_) in OLDER.items():
        page = stranger.get(path)
        assert (page.status_code, page["Location"]) == (302, f"/login/?next={path}")
        assert successor_of(page) == canonical
        assert stranger.head(path).status_code == 302
        for accept in ("*/*", JSON):
            refused = stranger.get(path, headers={"Accept": accept})
            assert_problem(refused, 401, "not-authenticated")
            assert (refused["WWW-Authenticate"], successor_of(refused)) == ("Token", canonical)


def test_where_the_login_page_leads_back_to_holds_what_was_asked(stranger: Client) -> None:
    page = stranger.get("/fetch/FB/?provider=bundled")

    assert page["Location"] == "/login/?next=/fetch/FB/%3Fprovider%3Dbundled"
    assert stranger.get("/report/FB/?format=json").status_code == 401


def test_a_session_that_ended_is_none(browser: Client) -> None:
    Token.objects.using("identity").update(revoked_at="2020-01-01T00:00:00Z")

    assert browser.get("/predict/FB/")["Location"] == "/login/?next=/predict/FB/"
    assert browser.get("/predict/FB/", headers={"Accept": JSON}).status_code == 401


def test_a_bad_token_is_refused_whatever_is_accepted(stranger: Client) -> None:
    refused = stranger.get("/fetch/FB/", headers={"Authorization": "Token bw_nobody"})

    assert refused.status_code == 401


def test_the_charts_address_is_no_page(browser: Client, program: Client) -> None:
    refused = Client(headers={"Accept": BROWSER}).post(CHARTS, {}, content_type=JSON)
    body = assert_problem(refused, 401, "not-authenticated")

    assert (body["error"], successor_of(refused)) == (body["detail"], "/api/v1/backtests/")
    program.get("/fetch/FB/", headers={"Prefer": "wait=0"})
    drain_everything()
    made = program.post(CHARTS, {"ticker": "FB"}, content_type=JSON, headers={"Accept": BROWSER})
    assert (made.status_code, made["Content-Type"]) == (200, JSON)
    assert_problem(program.get(CHARTS), 405, "method-not-allowed")


def test_a_browser_is_shown_its_errors_and_work_under_way_as_pages(browser: Client) -> None:
    missing = browser.get("/predict/NOPE/")
    waiting = browser.get("/fetch/FB/", headers={"Prefer": "wait=0"})

    assert (missing.status_code, missing["Content-Type"]) == (404, HTML)
    assert b"/fetch/NOPE/" in missing.content
    assert (waiting.status_code, waiting["Content-Type"], waiting["Refresh"]) == (202, HTML, "1")
    assert waiting["Location"].startswith("/api/v1/fetches/")
    drain_everything(("ingest",))
    report = browser.get("/report/FB/", headers={"Prefer": "wait=0"})
    assert (report.status_code, report["Content-Type"], report["Refresh"]) == (202, HTML, "1")


@pytest.mark.parametrize("path", OLDER)
def test_what_is_not_understood_is_refused(program: Client, path: str) -> None:
    unknown = assert_problem(program.get(f"{path}?page=1"), 400, "validation-error")
    assert [error["attr"] for error in unknown["errors"]] == ["page"]
    assert_problem(program.get(f"{path}?format=yaml"), 400, "validation-error")
    for symbol in ("A*B", "-A", "A" * 16, "ＦＢ", "%00", "F%20B"):
        refused = program.get(path.replace("FB", symbol))
        assert_problem(refused, 404, "not-found")
        assert successor_of(refused) == OLDER[path][0]
    for method in ("POST", "PUT", "DELETE"):
        refused = program.generic(method, path)
        assert_problem(refused, 405, "method-not-allowed")
        assert "GET, HEAD" in refused["Allow"]


@pytest.mark.parametrize("path", ["/fetch/FB/", "/backtest/FB/10000/", "/predict/FB/", "/report/FB/"])
def test_what_cannot_be_given_is_not_acceptable(program: Client, path: str) -> None:
    assert_problem(program.get(path, headers={"Accept": "text/xml"}), 406, "not-acceptable")


def test_a_user_who_waits_for_nothing_is_told_where_the_work_is(program: Client) -> None:
    at_once = {"Prefer": "wait=0"}
    fetch = program.get("/fetch/FB/", headers=at_once)
    drain_everything(("ingest",))
    paths = {
        "/backtest/FB/10000/": "/api/v1/backtests/",
        "/predict/FB/": "/api/v1/forecasts/",
        "/report/FB/": "/report/FB/",
    }

    assert (fetch.status_code, fetch["Retry-After"]) == (202, "1")
    for path, prefix in paths.items():
        answer = program.get(path, headers=at_once)
        assert (answer.status_code, answer["Retry-After"]) == (202, "1"), path
        assert answer["Location"].startswith(prefix)
        assert successor_of(answer) == OLDER[path][0]
    drain_everything()
    for path in paths:
        assert program.get(path, headers=at_once).status_code == 200


def test_every_older_answer_has_its_documented_shape(token: str) -> None:
    document, api = published_document(), ApiClient(token)
    at_once = {"Prefer": "wait=0"}

    def check(template: str, answer: Any, status: int, method: str = "get") -> None:
        assert answer.status_code == status, (template, answer.content)
        assert_documented(document, template, answer, method=method)

    for template, path in TEMPLATES.items():
        operation = document["paths"][template]["get"]
        assert (operation["tags"], operation["deprecated"]) == (["older"], True)
        if template != "/fetch/{symbol}/":
            check(template, api.get(path, headers=at_once), 404)
    check("/fetch/{symbol}/", api.get("/fetch/FB/", headers=at_once), 202)
    drain_everything(("ingest",))
    check("/report/{symbol}/", api.get("/report/FB/", headers=at_once), 202)
    check(CHARTS, api.post(CHARTS, {"ticker": "FB"}, content_type=JSON, headers=at_once), 202, "post")
    drain_everything()
    for template, path in TEMPLATES.items():
        check(template, api.get(path, headers=at_once), 200)
        check(template, api.get(f"{path}?nope=1", headers=at_once), 400)
    check(CHARTS, api.post(CHARTS, {"ticker": "FB"}, content_type=JSON, headers=at_once), 200, "post")
    assert document["paths"][CHARTS]["post"]["deprecated"] is True
    assert "/api/backtest/" not in document["paths"]


def test_a_user_of_the_older_addresses_comes_from_a_symbol_to_its_report(
    program: Client, tmp_path: Path
) -> None:
    with worker_process(broker_url=None, log=tmp_path / "worker.log"):
        fetch = program.get("/fetch/aapl/")
        report = program.get("/report/aapl/")  # while the run, the forecast and the report are being made
        run = program.get("/backtest/aapl/10000/")
        forecast = program.get("/predict/aapl/")
        document = program.get("/report/aapl/", headers={"Accept": JSON})
        charts = program.post(CHARTS, {"ticker": "AAPL", "startDate": "2012-01-03"}, content_type=JSON)

    answers = [fetch, report, run, forecast, document, charts]
    assert [answer.status_code for answer in answers] == [200] * 6, [answer.content for answer in answers]
    assert (fetch.json()["status"], fetch.json()["version"]) == ("succeeded", 1)
    assert report.content.startswith(b"%PDF-")
    assert report["Content-Disposition"] == 'inline; filename="AAPL-v1.pdf"'
    assert (run.json()["standing"], run.json()["trade_count"]) == (True, 16)
    assert len(forecast.json()["points"]) == 30
    stored = json.loads(document.content)["document"]
    assert stored["run"]["trade_count"] == 16
    assert charts.json()["price_chart"]["dates"][0] == 1325548800000
