"""Lists hold every row once and in order, whatever the limit and whatever is added meanwhile."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from services.ingest.fetches.models import Fetch
from services.ingest.fetches.selectors import fetches
from shared.http.operations import Operation
from shared.http.pagination import Page, WorkQuery, page_of

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Row(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class Rows(Page):
    results = Row(many=True)


def rows(url: str) -> Response:
    query = WorkQuery(data=dict(parse_qsl(urlsplit(url).query)))
    query.is_valid(raise_exception=True)
    operation = Operation(request=Request(APIRequestFactory().get(url)))
    operation.query = query.validated_data
    return page_of(operation, Rows, fetches())


def ids(shown: Response) -> list[UUID]:
    return [UUID(row["id"]) for row in shown.data["results"]]


def stored(identifier: int, minute: int, symbol: str = "FB") -> tuple[datetime, UUID]:
    """Store one row; many share a minute, so that only the unique column tells them apart."""
    row = Fetch(
        id=UUID(int=identifier),
        symbol=symbol,
        provider="bundled",
        state="succeeded",
        created_at=NOON + timedelta(minutes=minute),
    )
    row.save(using="ingest", force_insert=True)
    return row.created_at, row.id


@FEW
@given(
    first=st.lists(st.integers(0, 3), max_size=12),
    added=st.lists(st.integers(0, 3), max_size=6),
    limit=st.integers(1, 13),
    newest_first=st.booleans(),
)
def test_a_list_shows_every_row_once_in_order_while_rows_are_added(
    db: psycopg.Connection[Any], first: list[int], added: list[int], limit: int, newest_first: bool
) -> None:
    db.execute("TRUNCATE ingest.fetch")
    there = [stored(10 * number, minute) for number, minute in enumerate(first)]
    url: str | None = f"/rows/?limit={limit}&sort={'-' if newest_first else ''}created_at"
    coming = [(10 * number + 5, minute) for number, minute in enumerate(added)]
    seen: list[UUID] = []

    while url:
        shown = rows(url)
        seen += ids(shown)
        assert len(seen) <= len(first) + len(added)
        url = shown.data["next"]
        if coming:
            stored(*coming.pop())

    kept = {identifier for _, identifier in there}
    in_order = [identifier for _, identifier in sorted(there, reverse=newest_first)]
    assert [identifier for identifier in seen if identifier in kept] == in_order
    assert len(seen) == len(set(seen))


@FEW
@given(minutes=st.lists(st.integers(0, 2), min_size=1, max_size=12), limit=st.integers(1, 5))
def test_a_list_leads_back_over_the_same_rows(
    db: psycopg.Connection[Any], minutes: list[int], limit: int
) -> None:
    db.execute("TRUNCATE ingest.fetch")
    there = sorted((stored(number, minute) for number, minute in enumerate(minutes)), reverse=True)
    shown = rows(f"/rows/?limit={limit}")
    for _ in minutes:
        shown = rows(shown.data["next"]) if shown.data["next"] else shown

    seen = ids(shown)
    while shown.data["previous"] and len(seen) <= len(minutes):
        shown = rows(shown.data["previous"])
        seen = ids(shown) + seen

    assert seen == [identifier for _, identifier in there]


@pytest.mark.parametrize(
    "change", ["sort=created_at", "symbol=FB", "start=2020-01-01", "end=2020-01-02", "symbol=IBM,FB"]
)
def test_a_cursor_holds_for_the_order_and_the_filters_it_was_made_under(
    db: psycopg.Connection[Any], change: str
) -> None:
    for number in range(2):
        stored(number, number)
    following = rows("/rows/?limit=1").data["next"]

    assert ids(rows(f"{following}&sort=-created_at")) == [UUID(int=0)]
    with pytest.raises(ValidationError) as refused:
        rows(f"{following}&{change}")
    assert refused.value.get_codes() == {"cursor": "invalid_cursor"}


def test_the_same_page_has_the_same_links_at_any_time(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        stored(number, number)
    first = rows("/rows/?limit=1").data
    monkeypatch.setattr(time, "time", lambda: 1e9)

    assert rows("/rows/?limit=1").data == first


def test_filters_name_several_symbols_and_whole_days(db: psycopg.Connection[Any]) -> None:
    stored(1, -12 * 60 - 1, "AAPL")
    stored(2, -12 * 60, "FB")
    stored(3, 12 * 60 - 1, "IBM")
    stored(4, 12 * 60, "IBM")

    def found(query: str) -> list[int]:
        return sorted(row.int for row in ids(rows(f"/rows/?{query}")))

    assert found("symbol=fb,IBM,fb") == [2, 3, 4]
    assert found("start=2020-01-01&end=2020-01-01") == [2, 3]
    assert found("symbol=IBM&end=2020-01-01") == [3]


def test_the_link_header_says_what_the_body_says(db: psycopg.Connection[Any]) -> None:
    for number in range(3):
        stored(number, number)

    first = rows("/rows?limit=1&symbol=fb")
    second = rows(first.data["next"])

    assert first["Link"] == f'<{first.data["next"]}>; rel="next"'
    address, _, query = first.data["next"].partition("?")
    assert (address, "symbol=fb" in query) == ("http://testserver/rows/", True)
    assert second["Link"] == f'<{second.data["next"]}>; rel="next", <{second.data["previous"]}>; rel="prev"'
    assert "Link" not in rows("/rows/")
