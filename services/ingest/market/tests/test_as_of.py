"""What was known at a moment is shown again to the byte, whatever came later."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.observability.correlation import Cause, caused_by

BARS = "/api/v1/bars/"
FIRST_AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEADER = "date,open,high,low,close,volume,dividend,split_ratio\n"
FIRST = HEADER + (
    "2019-01-02,40,44,40,42.125,100,0,1\n"
    "2019-01-03,10,11,10,10.5,400,0,4\n"
    "2019-01-04,10.5,12,10,11.123457,300,0.25,1\n"
)
CORRECTION = HEADER + "2019-01-03,10,11,10,10.75,410,0,4\n2019-01-04,10.5,12,10,11.5,300,0.3,1\n"
LATER = HEADER + "2019-01-07,11,12,11,11.75,50,0,1\n"


@pytest.fixture
def api(token: str) -> Iterator[ApiClient]:
    with caused_by(Cause(uuid4())):
        yield ApiClient(token)


def store(text: str, *, at: datetime) -> None:
    series = parse_csv(text.encode(), "TEST", today=date(2020, 1, 1))
    import_series(fetch_id=uuid4(), series=series, now=at)


def path(**query: object) -> str:
    return f"{BARS}?{urlencode({'symbol': 'TEST', **query})}"


def shapes() -> Iterator[dict[str, object]]:
    """Give each way to ask for the bars, on a page with neighbours too."""
    for basis, shape, limit in product(("raw", "split", "total_return"), ("rows", "columns"), (2, 1000)):
        yield {"basis": basis, "shape": shape, "limit": limit}


def test_a_moment_shows_what_was_answered_then_to_the_byte(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    then = [api.get(path(**asked)).content for asked in shapes()]
    store(CORRECTION, at=FIRST_AT + HOUR)
    store(LATER, at=FIRST_AT + 2 * HOUR)

    for moment in (FIRST_AT, FIRST_AT + HOUR - timedelta(microseconds=1)):
        again = [api.get(path(**asked, as_of=moment.isoformat())).content for asked in shapes()]
        assert again == then
    now = [api.get(path(**asked)).content for asked in shapes()]
    assert all(before != after for before, after in zip(then, now, strict=True))


def test_each_version_begins_at_the_moment_it_was_recorded(api: ApiClient) -> None:
    for number, text in enumerate((FIRST, CORRECTION, LATER)):
        store(text, at=FIRST_AT + number * HOUR)

    for number in (1, 2, 3):
        moment = FIRST_AT + (number - 1) * HOUR
        shown = api.show(BARS, symbol="TEST", as_of=moment.isoformat())
        assert shown["version"] == number
        assert shown == api.show(BARS, symbol="TEST", as_of_version=number)
    for same in ("2020-03-02T13:30:00Z", "2020-03-02t14:30:00.000000+01:00", "2020-03-02T08:30:00-05:00"):
        assert api.show(BARS, symbol="TEST", as_of=same)["version"] == 2


def test_a_version_never_claims_a_moment_that_was_shown_without_it(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    asked = path(as_of=FIRST_AT.isoformat())
    shown = api.get(asked).content

    store(CORRECTION, at=FIRST_AT - HOUR)  # its clock was read before it waited, or is another machine's
    store(LATER, at=FIRST_AT)

    assert api.get(asked).content == shown
    versions = api.show("/api/v1/instruments/TEST/versions/")["results"]
    assert [row["recorded_at"] for row in versions] == [
        "2020-03-02T12:00:00.000002Z",
        "2020-03-02T12:00:00.000001Z",
        "2020-03-02T12:00:00.000000Z",
    ]


def test_a_moment_before_the_first_version_knows_nothing(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)

    answer = api.get(path(as_of=(FIRST_AT - timedelta(microseconds=1)).isoformat()))

    problem = assert_problem(answer, 404, "unknown-version")
    assert "Nothing was known of TEST at 2020-03-02T11:59:59" in problem["detail"]
    assert_problem(api.get(f"{BARS}?symbol=NOPE&as_of=2020-03-02T12:00:00Z"), 404, "unknown-symbol")


def test_the_links_of_a_moment_lead_through_its_version(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    moment = FIRST_AT + 2 * HOUR
    first = api.show(BARS, symbol="TEST", limit=1, as_of=moment.isoformat())
    store(CORRECTION, at=moment - HOUR)  # another process began it earlier

    second = api.show(first["next"])
    third = api.show(second["next"])

    assert [page["version"] for page in (first, second, third)] == [1, 1, 1]
    assert [page["results"][0]["close"] for page in (first, second, third)] == ["42.125", "10.5", "11.123457"]
    assert "as_of=" not in first["next"]
    assert api.show(second["previous"])["results"] == first["results"]


def test_a_moment_that_a_caller_has_is_confirmed(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    asked = path(as_of=FIRST_AT.isoformat(), shape="columns")
    shown = api.get(asked)
    tag = shown["ETag"]
    assert api.get(asked, headers={"If-None-Match": tag}).status_code == 304
    store(CORRECTION, at=FIRST_AT + HOUR)

    assert api.get(path(as_of=(FIRST_AT + HOUR).isoformat(), shape="columns"))["ETag"] != tag
    later = api.get(asked)  # the instrument changed: sent again, and the same
    assert (later.status_code, later.content) == (200, shown.content)
    assert api.get(asked, headers={"If-None-Match": later["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "2020-03-02",
        "2020-03-02T12:00:00",
        "2020-03-02 12:00:00Z",
        "2020-03-02T12:00:00 01:00",
        "2020-03-02T25:00:00Z",
        "2020-02-30T12:00:00Z",
        "20200302T120000Z",
        "2020-03-02T12:00:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "1583150400",
        "now",
        "٢020-03-02T12:00:00Z",
    ],
)
def test_what_is_no_moment_with_its_offset_is_refused(api: ApiClient, moment: str) -> None:
    problem = assert_problem(api.get(path(as_of=moment)), 400, "validation-error")

    assert [error["attr"] for error in problem["errors"]] == ["as_of"]


def test_a_moment_to_come_and_a_version_beside_a_moment_are_refused(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()

    for query, code in (
        ({"as_of": tomorrow}, "future_date"),
        ({"as_of": FIRST_AT.isoformat(), "as_of_version": 1}, "not_both"),
    ):
        problem = assert_problem(api.get(path(**query)), 400, "validation-error")
        assert [(error["attr"], error["code"]) for error in problem["errors"]] == [("as_of", code)]


def test_actions_and_coverage_know_the_moment_too(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    store(CORRECTION, at=FIRST_AT + HOUR)

    for part in ("actions", "coverage"):
        address = f"/api/v1/instruments/TEST/{part}/"
        shown = api.show(address, as_of=FIRST_AT.isoformat())
        assert shown == api.show(address, as_of_version=1)
        assert (shown["version"], api.show(address)["version"]) == (1, 2)


def test_versions_say_when_they_came_from_whom_and_what_they_changed(api: ApiClient) -> None:
    for number, text in enumerate((FIRST, CORRECTION, LATER)):
        store(text, at=FIRST_AT + number * HOUR)
    address = "/api/v1/instruments/test/versions/"

    shown = api.show(address, limit=2)
    rows = shown["results"] + api.show(shown["next"])["results"]

    assert [row["version"] for row in rows] == [3, 2, 1]
    assert [row["recorded_at"] for row in rows] == [
        "2020-03-02T14:00:00.000000Z",
        "2020-03-02T13:00:00.000000Z",
        "2020-03-02T12:00:00.000000Z",
    ]
    counted = ("added_count", "corrected_count", "actions_changed_count")
    assert [tuple(row[name] for name in counted) for row in rows] == [(1, 0, 0), (0, 2, 2), (3, 0, 2)]
    assert {row["provider"] for row in rows} == {"csv"}
    assert all(row["attribution"] and UUID(row["fetch_id"]) for row in rows)
    assert_problem(api.get("/api/v1/instruments/NOPE/versions/"), 404, "unknown-symbol")


def test_versions_are_sent_again_only_when_one_came(api: ApiClient) -> None:
    store(FIRST, at=FIRST_AT)
    addresses = [f"/api/v1/instruments/TEST/{part}/" for part in ("versions", "actions", "coverage")]
    tags = [api.get(address)["ETag"] for address in addresses]

    def confirmed() -> list[int]:
        return [
            api.get(address, headers={"If-None-Match": tag}).status_code
            for address, tag in zip(addresses, tags, strict=True)
        ]

    assert confirmed() == [304, 304, 304]
    store(CORRECTION, at=FIRST_AT + HOUR)
    assert confirmed() == [200, 200, 200]
