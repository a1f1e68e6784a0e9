"""What is looked up beside daily prices comes as rows with plain names, decimals as they are written."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.alphavantage.lookups import FUNCTIONS
from services.ingest.providers.calls import Access, Verdict
from services.ingest.providers.faults import BadProviderData, UnknownLookup
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.providers.tests.simulator_faults import Fault
from services.ingest.sessions.domain import sessions_between
from shared.contracts.codec import dumps, to_json
from shared.errors import BellwetherError, ValidationFailed
from shared.symbols import InvalidSymbol

TODAY = date(2026, 11, 18)  # a Wednesday
NOW = datetime(2026, 11, 18, 23, tzinfo=UTC)
SYMBOL_KINDS = sorted(set(FUNCTIONS) - {"search", "listing"})


def looked_up(
    kind: str, subject: str = "AAPL", on: date | None = None, **spoilt: Any
) -> list[dict[str, Any]]:
    provider = AlphaVantage()
    with Simulator(moved("AAPL", until=TODAY, count=600)) as vendor:
        if spoilt:
            vendor.next(spoilt["fault"])
        call = provider.lookup_call(kind, subject, on)
        answer = provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY))
    assert provider.understand(call, answer).verdict is Verdict.DATA
    return provider.read_lookup(kind, subject, answer.body, now=NOW)


def params(kind: str, subject: str, on: date | None = None) -> dict[str, str]:
    return dict(AlphaVantage().lookup_call(kind, subject, on).params)


def read(kind: str, body: Any, subject: str = "AAPL") -> list[dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return AlphaVantage().read_lookup(kind, subject, content, now=NOW)


def test_every_kind_is_answered_in_rows_that_can_be_stored() -> None:
    for kind in FUNCTIONS:
        rows = looked_up(kind, "active" if kind == "listing" else "AAPL")

        assert rows or kind == "splits"
        assert json.loads(dumps(to_json(rows))) == rows


def test_a_quote_has_plain_names_and_texts() -> None:
    (quote,) = looked_up("quote", "aapl")

    assert quote["symbol"] == "AAPL"
    assert quote["price"] == "168.3400"
    assert quote["latest_trading_day"] == "2026-11-18"
    assert quote["change_percent"].endswith("%")


def test_a_search_gives_its_matches() -> None:
    (match,) = looked_up("search", "aap")

    assert (match["symbol"], match["currency"], match["matchScore"]) == ("AAPL", "USD", "1.0000")


def test_an_overview_has_none_where_the_vendor_has_nothing() -> None:
    (overview,) = looked_up("overview")

    assert (overview["PERatio"], overview["DividendYield"], overview["Beta"]) == (None, None, "1.25")


def test_weekly_prices_are_labelled_and_a_week_that_goes_on_is_not_final() -> None:
    rows = looked_up("weekly")

    assert {row["interval"] for row in rows} == {"weekly"}
    assert [row["last_session"] for row in rows[-2:]] == ["2026-11-13", "2026-11-18"]
    assert [row["is_final"] for row in rows[-3:]] == [True, True, False]


def test_monthly_prices_are_labelled_and_a_month_that_is_over_is_final() -> None:
    whole = looked_up("monthly")
    before = whole[-2]

    assert {row["interval"] for row in whole} == {"monthly"}
    assert (before["last_session"], before["is_final"]) == ("2026-10-30", True)
    assert whole[-1]["is_final"] is False
    assert set(before) == {
        *("interval", "last_session", "open", "high", "low", "close", "volume", "is_final")
    }


@pytest.mark.parametrize(
    ("kind", "until", "is_final"),
    [
        ("weekly", date(2026, 11, 13), True),
        ("weekly", date(2026, 11, 12), False),
        ("weekly", date(2020, 4, 9), True),  # Good Friday follows
        ("weekly", date(2019, 12, 31), False),  # the week goes on in another year
        ("monthly", date(2026, 10, 30), True),
        ("monthly", date(2026, 10, 29), False),
        ("monthly", date(2019, 12, 31), True),
    ],
)
def test_a_period_ends_with_its_last_session(kind: str, until: date, *, is_final: bool) -> None:
    provider = AlphaVantage()
    with Simulator(moved("AAPL", until=until, count=50)) as vendor:
        call = provider.lookup_call(kind, "AAPL", None)
        body = provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY)).body

    assert provider.read_lookup(kind, "AAPL", body, now=NOW)[-1]["is_final"] is is_final


def test_actions_are_rows_as_told() -> None:
    rows = looked_up("dividends")

    assert rows[0]["amount"]
    assert rows[0]["payment_date"] is None


def test_actions_that_cannot_be_true_are_left_out() -> None:
    days = sessions_between(date(2019, 1, 2), date(2019, 12, 31))[:20]
    data = [{"effective_date": str(day), "split_factor": "2.0"} for day in days]

    rows = read("splits", {"symbol": "AAPL", "data": [data[0] | {"split_factor": "x"}, *data]})

    assert rows == data


def test_earnings_say_which_period_they_are_of() -> None:
    quarter, year = looked_up("earnings")

    assert (quarter["period"], quarter["estimatedEPS"]) == ("quarterly", None)
    assert (year["period"], year["reportedEPS"]) == ("annual", "5.01")


def test_a_listing_is_read_from_csv() -> None:
    (row,) = looked_up("listing", "delisted", date(2020, 1, 2))

    assert row == {
        "symbol": "AAPL",
        "name": "AAPL, Inc",
        "exchange": "NYSE",
        "assetType": "Stock",
        "ipoDate": "1990-01-02",
        "delistingDate": "2024-01-31",
        "status": "Delisted",
    }
    assert looked_up("listing", "")[0]["delistingDate"] is None


def test_a_listing_with_too_many_broken_lines_is_refused() -> None:
    header = "symbol,name,exchange,assetType,ipoDate,delistingDate,status"
    good = [f"S{number},S,NYSE,Stock,1990-01-02,null,Active" for number in range(19)]

    assert len(read("listing", "\n".join((header, *good, "cut", "")).encode())) == 19
    with pytest.raises(BadProviderData, match="2 of 21 rows"):
        read("listing", "\n".join((header, *good, "cut", 'x"\r"')).encode())
    with pytest.raises(BadProviderData, match="header"):
        read("listing", b"symbol\nAAPL")
    with pytest.raises(BadProviderData, match="cannot be stored"):
        read("listing", "\n".join((header, *good, good[0].replace("NYSE", "\0"))).encode())


def test_calls_carry_what_the_vendor_expects() -> None:
    assert params("quote", "brk.b") == {"symbol": "BRK-B"}
    assert params("quote", "TSCO.LON") == {"symbol": "TSCO.LON"}
    assert params("search", " apple ") == {"keywords": "apple"}
    assert params("listing", "") == {"state": "active"}
    assert params("listing", "Delisted", date(2010, 1, 1)) == {"state": "delisted", "date": "2010-01-01"}


@pytest.mark.parametrize("kind", SYMBOL_KINDS)
def test_what_is_about_a_symbol_needs_one(kind: str) -> None:
    for subject in ("", "two words", "AAPL&apikey=x"):
        with pytest.raises(InvalidSymbol):
            params(kind, subject)
    with pytest.raises(ValidationFailed):
        params(kind, "AAPL", date(2020, 1, 2))


@pytest.mark.parametrize(
    ("kind", "subject", "on"),
    [
        ("search", "", None),
        ("search", " ", None),
        ("search", "x" * 101, None),
        ("search", "a\x00b", None),
        ("search", "apple", date(2020, 1, 2)),
        ("listing", "all", None),
        ("listing", "active", date(2009, 12, 31)),
    ],
)
def test_a_question_that_makes_no_sense_costs_no_call(kind: str, subject: str, on: date | None) -> None:
    with pytest.raises(ValidationFailed):
        params(kind, subject, on)


def test_a_kind_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownLookup, match="no lookup weather"):
        params("weather", "AAPL")
    with pytest.raises(UnknownLookup, match="no lookup weather"):
        read("weather", {})


@pytest.mark.parametrize("kind", [kind for kind in SYMBOL_KINDS if kind != "search"])
def test_an_answer_about_another_symbol_is_refused(kind: str) -> None:
    with pytest.raises(BadProviderData, match="was asked for"):
        looked_up(kind, fault=Fault.WRONG_SYMBOL)


@pytest.mark.parametrize("price", ["0.0000", "None", "1e400", None])
def test_a_quote_without_a_price_is_refused(price: str | None) -> None:
    with pytest.raises(BadProviderData, match="cannot be true"):
        read("quote", {"Global Quote": {"01. symbol": "AAPL", "05. price": price}})


@pytest.mark.parametrize("kind", sorted(FUNCTIONS))
@pytest.mark.parametrize(
    "body", [{}, [], "x", {"data": 1}, {"Global Quote": []}, {"bestMatches": ["x"]}, {"Symbol": {}}]
)
def test_what_was_not_asked_for_is_refused(kind: str, body: Any) -> None:
    with pytest.raises(BadProviderData):
        read(kind, body)


@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.binary(max_size=200),
    st.sampled_from([b"", b"symbol,name,exchange,assetType,ipoDate,delistingDate,status\n", b"{"]),
)
def test_any_bytes_are_read_or_refused(kind: str, tail: bytes, head: bytes) -> None:
    try:
        rows = read(kind, head + tail)
    except BellwetherError:
        return
    dumps(to_json(rows))
