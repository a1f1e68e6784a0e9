"""Each caller's requests are counted once, by all processes together, and nobody can pass for another."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings

from shared.eventstore.tests.tally import together
from shared.http.expiry import remove_expired
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.http.throttling import client_address, count_request
from shared.settings.databases import SERVICES

LIMIT = 3
FETCHES = "/api/v1/fetches/"
type Owner = psycopg.Connection[Any]


def with_setting(**values: Any) -> Any:
    return override_settings(BELLWETHER={**settings.BELLWETHER, **values})


@pytest.fixture(autouse=True)
def limited(db: Owner) -> Iterator[None]:
    with with_setting(API_RATE_LIMIT=LIMIT):
        yield


def begin_a_minute_that_lasts(owner: Owner, caller: str, *, service: str = "ingest") -> None:
    """Count a caller into a minute that is still to come, so that no test ends in another one."""
    owner.execute(
        f"INSERT INTO {service}.rate_window VALUES (%s, floor(extract(epoch FROM now()) / 60) + 5, 0)",
        [caller],
    )


@pytest.fixture
def api(db: Owner, token: str) -> ApiClient:
    row = db.execute('SELECT public_id FROM identity."user"').fetchone()
    assert row is not None
    for service in SERVICES:
        begin_a_minute_that_lasts(db, f"user:{row[0]}", service=service)
    return ApiClient(token)


def test_every_answer_says_what_is_left_until_none_is(api: ApiClient) -> None:
    answers = [
        api.get(FETCHES),
        api.get(f"{FETCHES}?limit=0"),
        api.get(f"{FETCHES}{uuid4()}/"),
        api.get(FETCHES),
        api.send(FETCHES, symbol="FB"),
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 404, 429, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {str(LIMIT)}
    resets_at = int(answers[0]["X-RateLimit-Reset"])
    assert resets_at % 60 == 0
    assert_problem(answers[3], 429, "too-many-requests")
    assert 0 < int(answers[3]["Retry-After"]) <= 360


def test_services_count_by_themselves(api: ApiClient) -> None:
    for _ in range(LIMIT + 1):
        last = api.get(FETCHES)
    other = api.get("/api/v1/reports/")

    assert (last.status_code, other.status_code) == (429, 200)
    assert other["X-RateLimit-Remaining"] == str(LIMIT - 1)


def test_what_needs_no_caller_is_not_counted(db: Owner) -> None:
    for path in ("/livez", "/readyz", "/api/schema/") * LIMIT:
        answer = Client().get(path)
        assert answer.status_code == 200
        assert "X-RateLimit-Limit" not in answer.headers
    assert Client().get(FETCHES).status_code == 401
    assert db.execute("SELECT count(*) FROM ingest.rate_window").fetchone() == (0,)


def test_a_limit_of_nothing_counts_nobody(db: Owner, token: str) -> None:
    with with_setting(API_RATE_LIMIT=0):
        answer = ApiClient(token).get(FETCHES)

    assert "X-RateLimit-Limit" not in answer.headers
    assert db.execute("SELECT count(*) FROM ingest.rate_window").fetchone() == (0,)


def test_requests_at_once_are_each_counted_once(db: Owner) -> None:
    begin_a_minute_that_lasts(db, "user:a")

    def count_some() -> list[int]:
        return [count_request("ingest", "user:a", limit=1).used for _ in range(10)]

    counted = [number for numbers in together(*[count_some] * 10) for number in numbers]

    assert sorted(counted) == list(range(1, 101))


def test_a_new_minute_begins_at_one_and_an_old_statement_does_not_bring_the_last_one_back(db: Owner) -> None:
    begin_a_minute_that_lasts(db, "user:a")
    ahead = [count_request("ingest", "user:a", limit=1) for _ in range(2)]
    db.execute("UPDATE ingest.rate_window SET minute = minute - 10")

    behind = count_request("ingest", "user:a", limit=1)

    assert [usage.used for usage in ahead] == [1, 2]
    assert ahead[0].resets_at == ahead[1].resets_at > behind.resets_at
    assert (behind.used, behind.is_over) == (1, False)
    assert 0 < behind.seconds_left <= 60


def test_counts_of_past_minutes_are_removed(db: Owner) -> None:
    begin_a_minute_that_lasts(db, "user:a")
    db.execute("INSERT INTO ingest.rate_window VALUES ('user:gone', 1, 7)")

    assert remove_expired("ingest") == 1
    assert db.execute("SELECT caller FROM ingest.rate_window").fetchall() == [("user:a",)]


def test_counts_are_written_to_no_log(db: Owner) -> None:
    found = db.execute(
        "SELECT relnamespace::regnamespace::text, relpersistence FROM pg_class WHERE relname = 'rate_window'"
    ).fetchall()

    assert sorted(found) == [(service, "u") for service in sorted(SERVICES)]


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_fifty_spoofed_headers_are_one_caller(proxies: int) -> None:
    own_hops = ["203.0.113.9", "10.0.0.2"][:proxies]
    seen = set()
    with with_setting(TRUSTED_PROXIES=proxies):
        for number in range(50):
            hops = [f"198.51.100.{number}", f"192.0.2.{number}", *own_hops]
            request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=", ".join(hops))
            seen.add(client_address(request))

    assert seen == {"10.0.0.1" if proxies == 0 else "203.0.113.9"}


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.9, ", "10.0.0.1"),
        ("203.0.113.9:80", "10.0.0.1"),
        ("203.0.113.9\xa0", "10.0.0.1"),
    ],
)
def test_a_malformed_entry_leaves_the_peers_address(header: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=header)

    with with_setting(TRUSTED_PROXIES=1):
        assert client_address(request) == address


def test_a_header_with_fewer_hops_than_proxies_did_not_come_through_them() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9")

    with with_setting(TRUSTED_PROXIES=2):
        assert client_address(request) == "10.0.0.1"
