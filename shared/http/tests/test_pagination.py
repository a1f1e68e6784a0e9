"""Pages of a series hold every session once, whatever the limit."""

from datetime import date, timedelta
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from shared.http.operations import Operation
from shared.http.pagination import SeriesQuery, series_page

DAYS = [date(2020, 1, 1) + timedelta(days=3 * number) for number in range(40)]


def asked(url: str) -> Operation:
    values = SeriesQuery(
        data={name: value for name, value in parse_qsl(urlsplit(url).query) if name != "version"}
    )
    values.is_valid(raise_exception=True)
    operation = Operation(request=Request(APIRequestFactory().get(url)))
    operation.query = values.validated_data
    return operation


def page(url: str, days: list[date] = DAYS) -> tuple[list[date], dict[str, str | None]]:
    part, links = series_page(asked(url), days, version=7)
    return days[part], links


def walked(url: str | None, direction: str) -> list[list[date]]:
    found = []
    while url:
        days, links = page(url)
        found.append(days)
        url = links[direction]
    return found


@settings(deadline=None)
@given(st.integers(1, 50), st.sampled_from(DAYS), st.integers(0, 130))
def test_following_next_visits_the_whole_range_once(limit: int, start: date, length: int) -> None:
    end = start + timedelta(days=length)

    pages = walked(f"/series/?limit={limit}&start={start}&end={end}", "next")

    assert [day for days in pages for day in days] == [day for day in DAYS if start <= day <= end]
    assert all(len(days) == limit for days in pages[:-1])


@settings(deadline=None)
@given(st.integers(1, 50))
def test_following_previous_leads_back_over_the_same_pages(limit: int) -> None:
    url, last = f"/series/?limit={limit}", None
    while url:
        last, url = url, page(url)[1]["next"] or ""

    pages = walked(last, "previous")

    assert pages[::-1] == walked(f"/series/?limit={limit}", "next")
    assert all(earlier < later for later, earlier in pairwise(pages))


def test_links_carry_what_is_pinned() -> None:
    _, links = page("/series/?limit=10")

    assert links["previous"] is None
    carried = dict(parse_qsl(urlsplit(links["next"] or "").query))
    assert carried.pop("cursor")
    assert carried == {"limit": "10", "version": "7"}


def test_an_empty_series_is_one_empty_page() -> None:
    assert page("/series/?limit=5", days=[]) == ([], {"next": None, "previous": None})


@pytest.mark.parametrize("change", ["start=2020-01-02&", "end=2020-03-01&"])
def test_a_cursor_of_a_series_holds_for_its_range_only(change: str) -> None:
    url = page("/series/?limit=5")[1]["next"] or ""

    with pytest.raises(ValidationError):
        page(url.replace("?", f"?{change}"))
