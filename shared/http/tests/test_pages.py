"""Pages work without scripts, take nothing from other sites, and say the same as the JSON they stand for."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

import shared.http
from shared.http.pages import POLICY, answer_page, browser_wants_html, problem_page
from shared.http.problem_kinds import kinds
from shared.http.problems import SLUGS
from shared.http.summaries import summary_of
from shared.identity.authentication import SESSION_COOKIE

CHECKOUT = Path(shared.http.__file__).resolve().parents[2]
OWN = Path(shared.http.__file__).parent
TEMPLATES = sorted(OWN.glob("templates/**/*.html"))
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PUBLIC = ("/", "/api/docs/", "/api/docs/redoc/", "/problems/", "/problems/not-found/")
NEVER_ANSWERED = {  # of the worker and of commands
    *("bus-unavailable", "nothing-held-out"),
    *("rebuild-blocked", "rebuild-under-way", "replay-failed"),
}
DOCS = ("/api/docs/", "/api/docs/redoc/")


@pytest.fixture
def browser() -> Client:
    return Client(headers={"Accept": BROWSER}, raise_request_exception=False)


class Page(HTMLParser):
    """Collects the elements of a page with their attributes, and what stands inside of script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.inline.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def directives(response: Any) -> dict[str, str]:
    parts = [part.split(" ", 1) for part in response["Content-Security-Policy"].split("; ")]
    return dict(parts)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("text/*", True),
        ("application/json;q=0.5, text/html", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("application/pdf", False),
        ("text/html; x*=bogus''y", False),
        ("nonsense", False),
    ],
)
def test_a_page_is_for_whoever_would_rather_have_one(accept: str, wanted: bool) -> None:
    assert browser_wants_html(RequestFactory().get("/", headers={"Accept": accept})) is wanted


def test_a_browser_that_asks_for_a_format_gets_it() -> None:
    request = RequestFactory().get("/fetch/A/?format=json", headers={"Accept": BROWSER})

    assert not browser_wants_html(request)


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_needs_no_login(browser: Client, path: str) -> None:
    response = browser.get(path)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert browser.get(path.removesuffix("/") or "/").content.count(b"<h1") == response.content.count(b"<h1")
    head = browser.head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_says_what_it_is_and_asks_not_to_be_indexed(browser: Client, path: str) -> None:
    page = Page(browser.get(path).content.decode())

    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "robots", "content": "noindex"} in page.all("meta")
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    named = {attributes["for"] for attributes in page.all("label")}
    typed = [field for field in page.all("input") if "type" not in field or field["type"] == "password"]
    assert {field["id"] for field in typed} <= named
    assert all("autocomplete" in field for field in typed)


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_may_load_nothing_but_what_it_needs(browser: Client, path: str) -> None:
    response = browser.get(path)
    policy = directives(response)

    assert (policy["default-src"], policy["form-action"]) == ("'none'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert "unsafe" not in policy.get("script-src", "")
    assert ("script-src" in policy) is (path in DOCS)
    assert ("unsafe-inline" in policy["style-src"]) is (path == "/api/docs/redoc/")
    assert re.search(r"https?:|\*", response["Content-Security-Policy"]) is None
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_style_of_its_own_or_names_another_site(path: Path) -> None:
    text = re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text())
    page = Page(text)

    assert page.inline == []
    assert all("src" in attributes for attributes in page.all("script"))
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert [name for name in attributes if name.startswith("on")] == []
    assert re.search(r"https?:|[\"']//", text) is None


def test_no_file_of_ours_names_another_site() -> None:
    files = [path for path in (OWN / "static").rglob("*") if path.is_file()]

    named = {path.name for path in files if re.search(rb"https?://", path.read_bytes())}
    assert len(files) >= 5
    assert named == {"icon.svg"}  # the name of its XML vocabulary
    sheets = [path for path in files if path.name in {"frame.css", "pages.css"}]
    assert sum(path.stat().st_size for path in sheets) < 6_000


@pytest.mark.parametrize("path", PUBLIC)
def test_every_file_that_a_page_names_is_there_and_kept_for_good(browser: Client, path: str) -> None:
    page = Page(browser.get(path).content.decode())
    links = [attributes["href"] for attributes in page.all("link")]
    named = [*links, *(attributes["src"] for tag in ("script", "img") for attributes in page.all(tag))]

    assert len(named) >= 3
    for address in named:
        response = browser.get(str(address))
        assert response.status_code == 200
        assert response["Cache-Control"] == "max-age=315360000, public, immutable"
        assert "Access-Control-Allow-Origin" not in response
        assert response["X-Content-Type-Options"] == "nosniff"
        assert len(response.getvalue()) > 100
        response.close()
        assert browser.head(str(address)).getvalue() == b""


def test_a_browser_that_asks_at_the_customary_address_finds_the_icon(browser: Client) -> None:
    response = browser.get("/favicon.ico", follow=True)

    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert response.getvalue().startswith(b"<svg")
    response.close()


def test_the_docs_read_the_document_and_carry_what_a_session_needs(browser: Client) -> None:
    swagger, redoc = (Page(browser.get(path).content.decode()) for path in DOCS)

    (place,) = [item for item in swagger.all("div") if item.get("id") == "swagger-ui"]
    assert place["data-schema"] == "/api/schema/"
    assert len(str(place["data-csrf"])) == 64
    assert browser.cookies["csrftoken"].value
    assert [item["data-schema"] for item in redoc.all("div") if item.get("id") == "redoc"] == ["/api/schema/"]


@pytest.mark.parametrize("word", ["fetch", "predict", "report"])
def test_a_button_leads_to_the_older_address(browser: Client, word: str) -> None:
    response = browser.get("/", {"symbol": " aapl ", "do": word, "initial": "-1"})

    assert (response.status_code, response["Location"]) == (302, f"/{word}/AAPL/")


def test_the_backtest_button_carries_the_amount(browser: Client) -> None:
    response = browser.get("/", {"symbol": "AAPL", "do": "backtest", "initial": "25,000.50"})

    assert response["Location"] == "/backtest/AAPL/25000.50/"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"symbol": "//evil.test", "do": "fetch"}, "is not a symbol"),
        ({"symbol": "<script>alert(1)</script>", "do": "fetch"}, "is not a symbol"),
        ({"symbol": "AAPL", "do": "backtest", "initial": "NaN"}, "an amount above 0"),
        ({"symbol": "AAPL", "do": "backtest", "initial": "1e400"}, "an amount above 0"),
        ({"symbol": "AAPL", "do": "backtest", "initial": "1e-999"}, "an amount above 0"),
        ({"symbol": "AAPL", "do": "backtest", "initial": "../../x"}, "an amount above 0"),
        ({"symbol": "AAPL", "do": "delete"}, "There is no such button"),
    ],
)
def test_a_form_that_makes_no_sense_is_shown_again(browser: Client, asked: dict[str, str], said: str) -> None:
    response = browser.get("/", asked)

    assert response.status_code == 400
    text = response.content.decode()
    assert said in text
    assert "<script" not in text
    assert 'role="alert"' in text


@pytest.mark.parametrize("path", ["/nowhere/", "/problems/no-such-kind/", "/fetches/"])
def test_a_browser_gets_a_problem_as_a_page_with_the_same_facts(browser: Client, path: str) -> None:
    response = browser.get(path)

    text = response.content.decode()
    assert response.status_code == 404
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["X-Request-ID"] in text
    assert 'href="/problems/not-found/"' in text
    assert path in text
    assert directives(response) == POLICY


def test_programs_and_the_api_get_problems_as_json(browser: Client) -> None:
    for response in (browser.get("/api/v1/nowhere/"), Client().get("/nowhere/")):
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_the_page_of_a_problem_keeps_its_headers_and_escapes_its_values() -> None:
    client = Client(headers={"Accept": BROWSER}, raise_request_exception=False)
    with override_settings(ROOT_URLCONF="shared.http.tests.crashing_urls"):
        throttled, crashed = client.get("/fail/throttled/"), client.get("/crash/?<script>")
        expected, strange = client.get("/fail/expected/"), client.get("/<script>alert(1)</script>")

    assert (throttled.status_code, throttled["Retry-After"]) == (429, "7")
    assert crashed.status_code == 500
    assert UUID(crashed["X-Request-ID"])
    assert b"hunter2" not in crashed.content
    assert b"needed sessions" in expected.content
    assert b"<script" not in strange.content


def test_a_method_that_a_page_does_not_know_is_refused(browser: Client) -> None:
    response = Client().delete("/problems/")

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_a_form_from_another_site_is_refused_in_words() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Accept": BROWSER})

    response = client.post("/logout/")

    assert response.status_code == 403
    assert b"csrf-failed" in response.content


def test_each_kind_of_problem_is_explained_to_people_and_programs(browser: Client) -> None:
    listed = Client().get("/problems/").json()["results"]

    assert [kind["code"] for kind in listed] == list(kinds())
    assert {code for code, _ in SLUGS.values()} <= set(kinds())
    for kind in listed:
        assert kind["meanings"]
        assert all(meaning.startswith("Answered ") for meaning in kind["meanings"])
        shown = Client().get(f"/problems/{kind['code']}").json()
        assert shown == kind
        assert kind["title"] in browser.get(f"/problems/{kind['code']}/").content.decode().replace(
            "&#x27;", "'"
        )


def test_no_error_of_the_services_is_left_unexplained() -> None:
    declared = {
        code
        for package in ("shared", "services")
        for path in (CHECKOUT / package).rglob("*.py")
        if "tests" not in path.parts
        for code in re.findall(
            r'^    (?:status, )?slug, title = (?:\d+, )?"([a-z0-9-]+)"', path.read_text(), re.MULTILINE
        )
    }

    assert len(declared) > 30
    assert declared - set(kinds()) - NEVER_ANSWERED == set()


METRICS: list[dict[str, Any]] = [
    {
        "name": "total_return",
        "label": "Total return",
        "unit": "ratio",
        "value": 0.51234,
        "reason": None,
        "caution": None,
    },
    {
        "name": "sharpe",
        "label": "Sharpe",
        "unit": "number",
        "value": None,
        "reason": "No trades.",
        "caution": None,
    },
    {
        "name": "final",
        "label": "Final value",
        "unit": "money",
        "value": 1234567.891,
        "reason": None,
        "caution": "Few.",
    },
    {"name": "held", "label": "Held", "unit": "sessions", "value": 12.0, "reason": None, "caution": None},
]


def answered(payload: dict[str, Any]) -> str:
    request = RequestFactory().get("/backtest/AAPL/10000/")
    return answer_page(request, title="T", payload=payload, links={"Fetch": "/fetch/AAPL/"}).content.decode()


def test_a_run_shows_its_metrics_in_their_units_beside_buy_and_hold() -> None:
    held = [{**METRICS[0], "value": -0.1}]

    text = answered({"id": "x", "error": None, "metrics": METRICS, "benchmark_metrics": held})

    for cell in (
        "51.23 %</td>",
        "-10.00 %</td>",
        "1,234,567.89</td>",
        "12</td>",
        "No trades.</small>",
        "Few.</small>",
    ):
        assert f">{cell}" in text
    assert text.index("Metrics") < text.index("Details")
    assert ">error<" not in text


def test_a_forecast_shows_all_its_sessions_with_readable_numbers() -> None:
    points = [
        {"horizon": day, "session": f"2018-04-{day:02}", "point": f"{168 + day}.123456789",
         "quantiles": {"0.025": "1", "0.1": "99.5", "0.9": "1234567.891"}, "random_walk": "168.3", "actual": None}
        for day in range(1, 31)
    ]  # fmt: skip

    origin = {"origin_session": "2018-03-27", "origin_close": "168.34", "model": "m", "model_version": "1"}

    text = answered({"symbol": "AAPL", "data_cut": {"AAPL": 3}, **origin, "points": points})

    assert text.count("<tr><td") == 30
    assert ">198.12</td>" in text
    assert ">1,234,567.89</td>" in text
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)', text) == [
        "session",
        "forecast",
        "80 % from",
        "80 % to",
        "no change",
    ]
    assert (
        "<p>From the close of 168.34 on 2018-03-27, by m v1. The band should hold 80 of 100 closes.</p>"
        in text
    )
    assert ">AAPL: 3</td>" in text


def test_an_answer_links_to_its_json_and_the_next_steps_and_escapes_its_values() -> None:
    text = answered(
        {"note": "<script>alert(1)</script>", "fetch": "/fetch/AAPL/", "url": "//evil.test/x", "gaps": []}
    )

    page = Page(text)
    assert [item.get("href") for item in page.all("a")].count("/fetch/AAPL/") == 2
    assert {"class": "button plain", "href": "?format=json"} in page.all("a")
    assert "<script" not in text
    assert 'href="//evil.test' not in text


def test_pages_hold_no_secret_in_their_addresses() -> None:
    forms = [form for path in TEMPLATES for form in Page(path.read_text()).all("form")]

    assert {form["action"] for form in forms if form["method"] == "get"} == {"/"}
    assert len(forms) >= 6
    for path in TEMPLATES:
        text = path.read_text()
        assert text.count('method="post"') == text.count("{% csrf_token %}"), path.name


def test_static_files_change_their_address_with_their_content() -> None:
    assert re.fullmatch(r"/static/[0-9a-f]{12}/", str(settings.STATIC_URL))


def test_a_run_and_a_fetch_say_in_a_sentence_what_came_of_them() -> None:
    found = {"first_session": "2004-01-02", "last_session": "2018-03-27"}
    fetched = {**found, "provider": "bundled", "bar_count": 3581, "version": 1, "changed": True}
    held = [{**METRICS[0], "value": 114.917}]
    counts = {"strategy": "dip", "session_count": 3581, "trade_count": 1}
    run = {**found, **counts, "metrics": METRICS, "benchmark_metrics": held}
    sessions = "3,581 sessions, 2004-01-02 to 2018-03-27"

    assert summary_of(fetched) == f"{sessions}, from the bundled prices: new version 1."
    assert summary_of({**fetched, "changed": False}) == f"{sessions}, from the bundled prices: nothing new."
    part = {
        "sources": [{"provider": "alphavantage"}, {"provider": "tiingo"}],
        "reason": "A month is missing.",
    }
    assert summary_of({**fetched, **part}) == (
        f"{sessions}, from the alphavantage and tiingo prices: new version 1. A month is missing."
    )
    assert summary_of(run) == f"dip on {sessions}: 51.23 % against 11,491.70 % for buy and hold, 1 trade."
    for payload in (fetched, run):
        for name in payload:
            assert summary_of({**payload, name: None}) == ""


def test_details_are_written_for_people_and_end_with_what_is_for_machines() -> None:
    text = answered({
        "id": "x", "inputs_hash": "y", "created_at": "2026-11-20T19:47:58.123456Z",
        "bar_count": 3581, "initial_capital": "10000.00", "symbol": "005930",
    })  # fmt: skip

    for cell in ("2026-11-20 19:47:58 UTC", "3,581", "10,000.00", "005930"):
        assert f">{cell}</td>" in text
    names = re.findall(r'<th scope="row">([^<]+)', text)
    assert names == ["created at", "bar count", "initial capital", "symbol", "id", "inputs hash"]


def test_the_page_of_a_symbol_without_prices_leads_to_their_fetch() -> None:
    request = RequestFactory().get("/predict/NOPE/", headers={"Accept": BROWSER})
    problem = {"title": "T", "status": 404, "detail": "D", "code": "unknown-symbol", "fetch": "/fetch/NOPE/"}

    response = problem_page(
        request, HttpResponse(json.dumps(problem), content_type="application/problem+json", status=404)
    )

    text = response.content.decode()
    assert '<a class="button" href="/fetch/NOPE/">Fetch NOPE</a>' in text
    assert 'href="/?symbol=NOPE"' in text


def test_who_has_a_session_can_leave_from_any_page_and_nobody_else_sees_how(browser: Client) -> None:
    assert 'action="/logout/"' not in browser.get("/problems/").content.decode()
    browser.cookies[SESSION_COOKIE] = "ended"

    assert 'action="/logout/"' in browser.get("/nowhere/").content.decode()
