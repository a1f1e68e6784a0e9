"""Pages of a series hold every session once, whatever the limit."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from shared.http.pagination import SeriesQuery, series_page

DAYS = [date(2020, 1, 1) + timedelta(days=3 * number) for number in range(40)]
REQUEST = Request(APIRequestFactory().get("/series/"))


def page(url: str) -> tuple[list[date], dict[str, str | None]]:
    query = SeriesQuery(
        data={key: value for key, value in parse_qsl(urlsplit(url).query) if key != "version"}
    )
    query.is_valid(raise_exception=True)
    request = Request(APIRequestFactory().get(url))
    part, links = series_page(request, DAYS, query.validated_data, version=7)
    return DAYS[part], links


def walked(url: str | None, direction: str) -> list[list[date]]:
    found = []
    while url:
        days, links = page(url)
        found.append(days)
        url = links[direction]
    return found


@given(st.integers(1, 50), st.sampled_from(DAYS), st.integers(0, 130))
def test_following_next_visits_the_whole_range_once(limit: int, start: date, length: int) -> None:
    end = start + timedelta(days=length)

    pages = walked(f"/series/?limit={limit}&start={start}&end={end}", "next")

    assert [day for days in pages for day in days] == [day for day in DAYS if start <= day <= end]
    assert all(len(days) == limit for days in pages[:-1])


@given(st.integers(1, 50), st.integers(0, 39))
def test_following_previous_leads_to_the_first(limit: int, position: int) -> None:
    pages = walked(f"/series/?limit={limit}&cursor={DAYS[position]}", "previous")

    assert pages[-1][0] == DAYS[0]
    assert all(earlier < later for later, earlier in pairwise(pages))


def test_links_carry_what_is_pinned() -> None:
    _, links = page("/series/?limit=10")

    assert links["previous"] is None
    assert dict(parse_qsl(urlsplit(links["next"] or "").query)) == {
        "limit": "10",
        "cursor": DAYS[10].isoformat(),
        "version": "7",
    }


def test_an_empty_series_is_one_empty_page() -> None:
    nothing: list[Any] = []

    part, links = series_page(REQUEST, nothing, {"limit": 5, "cursor": date(2020, 1, 1)})

    assert (nothing[part], links) == ([], {"next": None, "previous": None})
