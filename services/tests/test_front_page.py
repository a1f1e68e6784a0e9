"""What the first page says of the other services is so, and each service on its own has the pages all share."""

import pytest
from django.test import Client, override_settings
from django.urls import resolve

from services.ingest.providers.bundled_provider import BundledProvider
from shared.http.home import BUNDLED, MARKET, market, steps

BROWSER = {"Accept": "text/html"}


def test_the_first_page_names_the_symbols_that_ship_with_the_package() -> None:
    assert BundledProvider().symbols() == BUNDLED


def test_every_button_leads_to_an_older_address() -> None:
    names = {word: resolve(address).view_name for word, address in steps("AAPL").items()}

    assert names == {
        "fetch": "older-fetch",
        "backtest": "older-backtest",
        "predict": "older-forecast",
        "report": "older-report",
    }


def test_market_data_are_shown_by_the_api_and_to_an_admin_on_pages() -> None:
    shown = {name: resolve(address.partition("?")[0]).view_name for name, address in MARKET.items()}
    pages = {name: resolve(address.partition("?")[0]) for name, address in market(in_admin=True).items()}

    assert market(in_admin=False) == MARKET
    assert shown == {
        "symbols": "instruments",
        "fetches": "fetches",
        "watchlists": "watchlists",
        "quarantine": "quarantines",
    }
    assert {name: page.url_name for name, page in pages.items()} == {
        "symbols": "ingest_market_instrument_changelist",
        "fetches": "ingest_fetches_fetch_changelist",
        "watchlists": "ingest_watchlists_watchlist_changelist",
        "quarantine": "ingest_quarantine_quarantine_changelist",
    }
    assert market(in_admin=True)["quarantine"].endswith("/?state=open")
    with override_settings(ROOT_URLCONF="services.ingest.urls"):  # which serves no admin pages
        assert market(in_admin=True) == MARKET


@pytest.mark.parametrize("service", ["ingest", "analytics", "reports"])
def test_each_service_on_its_own_has_docs_problems_and_error_pages(service: str) -> None:
    with override_settings(ROOT_URLCONF=f"services.{service}.urls"):
        client = Client(headers=BROWSER, raise_request_exception=False)

        for path in ("/", "/api/docs/", "/api/docs/redoc/", "/problems/", "/favicon.ico"):
            assert client.get(path).status_code in (200, 302)
        missing = client.get("/nowhere/")
        assert (missing.status_code, missing["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert client.get("/login/").status_code == (200 if service == "analytics" else 404)
