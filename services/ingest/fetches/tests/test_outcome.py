"""What a fetch did to what was known: how many rows, in how many versions."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.tests.fetching import fetched, requested
from services.ingest.market.selectors import instrument_named
from services.ingest.providers.domain import DailySeries
from services.ingest.providers.tests.simulator import Simulator
from services.ingest.quarantine.services import accept_change
from shared.http.tests.api_client import ApiClient

pytestmark = pytest.mark.usefixtures("db", "cause")


def corrected(series: DailySeries, *, count: int) -> DailySeries:
    """Return the series with another volume in each of its first `count` bars."""
    bars = [replace(bar, volume=bar.volume + 1) for bar in series.bars[:count]]
    return replace(series, bars=(*bars, *series.bars[count:]))


def changes(fetch: Any) -> tuple[int | None, ...]:
    return fetch.added_count, fetch.corrected_count, fetch.actions_changed_count


def test_a_fetch_says_how_many_rows_it_added_and_corrected(
    vendor: Simulator, choose: Choose, token: str
) -> None:
    choose("tiingo")
    first = fetched("tiingo")
    known = vendor.series["AAPL"]
    vendor.put(corrected(known, count=3))

    second, third = fetched("tiingo"), fetched("tiingo")

    action_count = len(known.dividends or ()) + len(known.splits or ())
    assert [changes(one) for one in (first, second, third)] == [(600, 0, action_count), (0, 3, 0), (0, 0, 0)]
    assert changes(fetch_by_id(requested("tiingo"))) == (None, None, None)
    shown = ApiClient(token).show(f"/api/v1/fetches/{second.id}/")
    assert (shown["added_count"], shown["corrected_count"], shown["actions_changed_count"]) == (0, 3, 0)


def test_what_an_operator_lets_through_later_is_not_of_the_fetch_that_told_it(
    vendor: Simulator, choose: Choose
) -> None:
    choose("tiingo")
    fetched("tiingo")
    known = vendor.series["AAPL"]
    bar = known.bars[300]
    raised = replace(bar, high=bar.high * 2, close=bar.high * 2)
    vendor.put(replace(known, bars=(*known.bars[:300], raised, *known.bars[301:])))

    held = fetched("tiingo")
    before = changes(held)
    accept_change(quarantine_id=held.quarantine_id, decided_by="somebody", now=timezone.now())

    assert instrument_named("AAPL").version == 2
    assert changes(fetch_by_id(held.id)) == before == (0, 0, 0)


def test_a_row_that_cannot_be_true_is_left_out_counted_and_named(vendor: Simulator, choose: Choose) -> None:
    choose("tiingo")
    known = vendor.series["AAPL"]
    impossible = replace(known.bars[300], high=known.bars[300].low / 2)
    vendor.put(replace(known, bars=(*known.bars[:300], impossible, *known.bars[301:])))

    fetch = fetched("tiingo")

    assert (fetch.bar_count, fetch.rejected_count, fetch.inner_gaps) == (
        599,
        1,
        [impossible.session.isoformat()],
    )
    assert [(row["provider"], row["line"]) for row in fetch.rejected] == [("tiingo", 301)]
