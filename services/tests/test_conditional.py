"""What a caller has kept is confirmed without being made or sent again, and only as long as it holds."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.observability.correlation import Cause, caused_by

BARS = "/api/v1/bars/?symbol=TEST"


@pytest.fixture
def api(token: str) -> Iterator[ApiClient]:
    with caused_by(Cause(uuid4())):
        store("date,open,high,low,close,volume\n2019-01-02,1,2,1,1.5,10\n2019-01-03,2,3,2,2.5,20\n")
        yield ApiClient(token)


@pytest.fixture
def worked(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything()
    return client


def store(text: str) -> None:
    series = parse_csv(text.encode(), "TEST", today=date(2020, 1, 1))
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def asked_with(api: ApiClient, path: str, tags: str) -> Any:
    return api.get(path, headers={"If-None-Match": tags})


def tables_read(api: ApiClient, service: str, path: str, tag: str) -> str:
    """Return the statements that answering 304 takes."""
    with CaptureQueriesContext(connections[service]) as statements:
        answer = asked_with(api, path, tag)
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert answer["Cache-Control"] == "private, no-cache"
    return "\n".join(statement["sql"] for statement in statements)


def test_bars_that_a_caller_has_are_confirmed_without_reading_any(api: ApiClient) -> None:
    for shape in ("rows", "columns"):
        path = f"{BARS}&shape={shape}"
        shown = api.get(path)

        read = tables_read(api, "ingest", path, shown["ETag"])

        assert shown["Cache-Control"] == "private, no-cache"
        assert '"instrument"' in read
        assert "bar" not in read.replace('"bar_count"', "")


def test_a_new_version_a_page_or_a_shape_has_a_tag_of_its_own(api: ApiClient) -> None:
    paths = [
        BARS,
        f"{BARS}&shape=columns",
        f"{BARS}&limit=1",
        f"{BARS}&basis=split",
        f"{BARS}&end=2019-01-02",
    ]
    before = [api.get(path)["ETag"] for path in paths]
    store("date,open,high,low,close,volume\n2019-01-03,2,3,2,2.75,20\n")
    after = [api.get(path)["ETag"] for path in paths]

    assert len({*before, *after}) == 2 * len(paths)
    answer = asked_with(api, BARS, before[0])
    assert (answer.status_code, answer.json()["results"][1]["close"]) == (200, "2.75")


def test_tags_are_compared_as_the_standard_has_it(api: ApiClient) -> None:
    tag = api.get(BARS)["ETag"]

    for tags, status in {
        tag: 304,
        f"W/{tag}": 304,
        f'"x", {tag}, "y"': 304,
        "*": 304,
        '"x"': 200,
        tag.strip('"'): 200,
        "": 200,
        "é\0": 200,
    }.items():
        assert asked_with(api, BARS, tags).status_code == status, tags
    assert not tag.startswith("W/")
    for path in (BARS, "/api/v1/instruments/TEST/"):
        assert_problem(api.get(path, headers={"If-Match": '"x"'}), 412, "precondition-failed")
        assert api.get(path, headers={"If-Match": "*"}).status_code == 200
        dated = {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
        assert api.get(path, headers=dated).status_code == 200


def test_what_is_not_there_is_never_confirmed(api: ApiClient) -> None:
    for path, slug in (
        ("/api/v1/bars/?symbol=NOPE", "unknown-symbol"),
        (f"{BARS}&as_of_version=2", "unknown-version"),
    ):
        answer = asked_with(api, path, "*")
        assert_problem(answer, 404, slug)
        assert (answer["Cache-Control"], "ETag" in answer) == ("no-store", False)
    assert asked_with(ApiClient("wrong"), BARS, "*").status_code == 401


def test_every_read_of_shared_results_is_confirmed(worked: ApiClient) -> None:
    collections = ["fetches", "instruments", "backtests", "forecasts", "reports"]
    paths = ["/api/schema/", "/api/v1/bars/?symbol=FB"]
    for collection in collections:
        listed = f"/api/v1/{collection}/"
        one = worked.show(listed)["results"][0]
        paths += [listed, f"{listed}{one.get('id', one.get('symbol'))}/"]
    run = worked.show("/api/v1/backtests/")["results"][0]["id"]
    paths += [f"/api/v1/backtests/{run}/{part}/" for part in ("trades", "equity")]
    paths += worked.show("/api/v1/reports/")["results"][0]["files"].values()

    for path in paths:
        shown = worked.get(path)
        again = asked_with(worked, path, shown["ETag"])
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", shown["ETag"]), path
        assert shown["Cache-Control"] == again["Cache-Control"] == "private, no-cache", path
        assert worked.head(path)["ETag"] == shown["ETag"], path
        assert "X-Request-ID" in again


def test_a_list_that_grew_is_sent_again(worked: ApiClient) -> None:
    before = worked.get("/api/v1/fetches/")["ETag"]
    worked.send("/api/v1/fetches/", symbol="IBM")

    assert asked_with(worked, "/api/v1/fetches/", before).status_code == 200


def test_a_report_file_is_named_by_its_hash_and_confirmed_unread(worked: ApiClient) -> None:
    for form, path in worked.show("/api/v1/reports/")["results"][0]["files"].items():
        head, shown = worked.head(path), worked.get(path)

        assert "report_file" not in tables_read(worked, "reports", path, shown["ETag"])
        assert (head.status_code, head.content) == (200, b"")
        assert head["Content-Length"] == str(len(shown.content))
        assert head["Content-Type"] == shown["Content-Type"]
        assert shown["Content-Disposition"] == f'inline; filename="FB-v1.{form}"'


def test_equity_that_a_caller_has_is_confirmed_without_reading_it(worked: ApiClient) -> None:
    run = worked.show("/api/v1/backtests/")["results"][0]["id"]
    path = f"/api/v1/backtests/{run}/equity/?shape=columns&limit=5"

    assert "run_equity" not in tables_read(worked, "analytics", path, worked.get(path)["ETag"])


def test_an_address_without_a_version_is_the_same_and_links_to_the_canonical_one(worked: ApiClient) -> None:
    shown = worked.get("/api/bars/?symbol=FB&limit=2")
    made = worked.send("/api/fetches", symbol="IBM")

    assert shown.json() == worked.show("/api/v1/bars/", limit=2, symbol="FB")
    assert shown.json()["next"].startswith("http://testserver/api/v1/bars/?")
    assert made.status_code == 202
    assert made["Location"].startswith("/api/v1/fetches/")
    assert worked.get("/api/backtests").status_code == 200
    for path in ("/api/nothing/", "/api/v1/nothing/", "/api/v2/bars/", "/api/", "/api/v1/v1/bars/"):
        assert_problem(worked.get(path), 404, "not-found")
    assert_problem(worked.put("/api/fetches/"), 405, "method-not-allowed")
