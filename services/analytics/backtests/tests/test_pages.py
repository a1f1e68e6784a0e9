"""People ask for a backtest with a form, and read what came of it."""

import html
import os
import re
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client

from services.analytics.backtests import form
from services.analytics.backtests.api import RequestBacktest, RunOptions
from services.analytics.backtests.models import Run
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import User
from shared.identity.tokens import issue_token

NEW = "/backtests/new/"
CROSS = {
    "symbol": "fb",
    "strategy": "sma_cross",
    "sma_cross.fast_window": "5",
    "sma_cross.slow_window": "20",
    "whole_shares": "on",
}


@pytest.fixture
def visitor(db: psycopg.Connection[Any]) -> Client:
    """Give a browser that is logged in; nothing is stored."""
    user = User.objects.db_manager("identity").create_user("anna", password="seven quiet harbour lamps")
    session = issue_token(user=user, secret=os.urandom(32), kind="session")
    client = Client(headers={"Accept": "text/html"}, raise_request_exception=False)
    client.cookies[SESSION_COOKIE] = session.text
    return client


@pytest.fixture
def fb(token: str) -> None:
    """Store prices of FB, with the standing run on them."""
    ApiClient(token).send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest", "analytics"))


def text_of(answer: Any) -> str:
    """Return what people read of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def given(answer: Any) -> dict[str, str]:
    """Return the value of each field of text on a page."""
    found = re.findall(r'<input id="([^"]+)" name="[^"]+" value="([^"]*)"', answer.content.decode())
    return {name: html.unescape(value) for name, value in found}


def test_the_form_has_every_strategy_with_its_parameters_and_every_option(visitor: Client) -> None:
    page = visitor.get(NEW, {"symbol": "FB", "initial": "5000"})
    names = set(re.findall(r' name="([^"]+)"', page.content.decode()))

    parameters = {
        f"{rule.name}.{item['name']}" for rule in STRATEGIES.values() for item in rule.described_parameters()
    }
    inputs = {*RequestBacktest.Input().fields} - {"parameters", "options"}
    assert page.status_code == 200
    assert names >= parameters | inputs | {*RunOptions().fields}
    assert (given(page)["symbol"], given(page)["initial_capital"]) == ("FB", "5000")
    assert given(page)["sma_cross.slow_window"] == "50"
    assert "2 to 1,000. Sessions in the average that it crosses." in text_of(page)
    assert 'value="moving_average_dip" required checked' in page.content.decode()
    assert "<script" not in page.content.decode()


def test_a_form_left_as_it_is_asks_for_what_the_api_has_as_default(visitor: Client, fb: None) -> None:
    values = form.defaults() | {"symbol": "FB"}

    answer = visitor.post(NEW, values)

    standing = Run.objects.using("analytics").get(standing=True)
    assert (answer.status_code, answer["Location"]) == (302, f"/backtests/{standing.id}/")


def test_the_run_of_a_form_is_shown_with_what_it_is_worth_and_its_options(visitor: Client, fb: None) -> None:
    options = {"stop_loss_ratio": "0.05", "sizing": "percent_of_equity", "size": "0.5", "interval": "1wk"}
    answer = visitor.post(NEW, {**CROSS, **options})
    assert answer.status_code == 302, text_of(answer)

    waiting = visitor.get(answer["Location"])
    drain_everything(("analytics",))
    page = visitor.get(answer["Location"])
    text = text_of(page)

    assert (waiting["Refresh"], "Refresh" in page) == ("1", False)
    assert "sma_cross on" in text
    assert re.search("luck: |More than luck|cannot be said", text)
    assert text.index("What the result is worth") < text.index("Metrics")
    assert "Stops stop loss 5 % below the fill" in text
    assert "Size of an entry 50 % of the equity for each entry" in text
    assert "entry session exit session exit reason" in text


def test_a_run_fills_in_the_form_for_the_next_one(visitor: Client, fb: None) -> None:
    made = visitor.post(NEW, {**CROSS, "trailing_ratio": "0.1", "commission_bps": "2.5"})["Location"]
    run_id = made.split("/")[2]

    page = visitor.get(NEW, {"like": run_id})

    filled = given(page)
    assert {name: filled[name] for name in ("symbol", "sma_cross.fast_window", "trailing_ratio")} == {
        "symbol": "FB",
        "sma_cross.fast_window": "5",
        "trailing_ratio": "0.1",
    }
    assert (filled["commission_bps"], filled["benchmark"]) == ("2.5", "none")
    again = visitor.post(NEW, {**CROSS, **filled})
    assert again["Location"] == made
    assert visitor.get(NEW, {"like": "nonsense"}).status_code == 200
    assert visitor.get(NEW, {"like": str(uuid4())}).status_code == 404


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"symbol": "no pe"}, 400, "'no pe' is not a symbol"),
        ({"symbol": "IBM"}, 404, "No prices of IBM are stored"),
        ({"sma_cross.fast_window": "many"}, 400, "fast_window is 'many' and must be of type int"),
        ({"sma_cross.fast_window": "5000"}, 400, "fast_window is 5000 and must be between 1 and 999"),
        ({"initial_capital": "-1"}, 400, "initial_capital: Give a number such as"),
        ({"stop_loss_ratio": "1"}, 400, "stop_loss_ratio is 1.0 and must be between"),
        ({"sizing": "fixed_cash"}, 400, "sizing fixed_cash needs a size"),
        ({"start": "2016-07-20"}, 422, "sessions and 22 are needed"),
        ({"strategy": "luck"}, 400, "strategy: Permitted are"),
        ({"benchmark": "SPY"}, 404, "No prices of SPY are stored"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_that_was_given_is_lost(
    visitor: Client, fb: None, changed: dict[str, str], status: int, said: str
) -> None:
    answer = visitor.post(NEW, {**CROSS, "sma_cross.slow_window": "20", **changed})

    assert answer.status_code == status
    assert said in text_of(answer)
    kept = given(answer)
    assert {name: kept[name] for name in changed if name in kept} == {
        name: value for name, value in changed.items() if name in kept
    }


def test_whoever_is_not_logged_in_logs_in_first(db: object) -> None:
    answer = Client().get(NEW, {"symbol": "FB"})

    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/backtests/new/%3Fsymbol%3DFB")
