"""Splits and dividends as the API shows them: what each does to prices, and in which exact ratio."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.market.selectors import EFFECTS
from services.ingest.providers.csv_import import parse_csv
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

HEADER = "date,open,high,low,close,volume,dividend,split_ratio\n"


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def store(text: str) -> None:
    series = parse_csv((HEADER + text).encode(), "TEST", today=date(2020, 1, 1))
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def actions(api: ApiClient, symbol: str = "TEST", **query: Any) -> list[dict[str, Any]]:
    return list(api.show(f"/api/v1/instruments/{symbol}/actions/", **query)["results"])


@pytest.mark.parametrize(
    ("ratio", "effect", "exact"),
    [
        ("4", "share-split", "4/1"),
        ("7.000007", "share-split", "7/1"),
        ("1.5", "share-split", "3/2"),
        ("0.04", "share-split", "1/25"),
        ("0.333333", "share-split", "1/3"),
        ("1.046", "price-only", None),
        ("1.00005", "price-only", None),
    ],
)
def test_a_split_says_whether_it_changes_shares_and_by_which_ratio(
    api: ApiClient, cause: UUID, ratio: str, effect: str, exact: str | None
) -> None:
    store(f"2019-01-02,1,2,1,1.5,10,0,1\n2019-01-03,1,2,1,1.5,10,0,{ratio}\n")

    [action] = actions(api)

    assert (action["kind"], action["ex_date"], action["version"]) == ("split", "2019-01-03", 1)
    assert (action["value"], action["effect"], action["ratio"]) == (ratio, effect, exact)
    assert (action["provider"], effect in EFFECTS) == ("csv", True)


def test_an_action_of_a_day_without_prices_says_on_which_side_it_lies(
    api: ApiClient, cause: UUID, db: Any
) -> None:
    store("2019-01-02,1,2,1,1.5,10,0,1\n2019-01-03,1,2,1,1.5,10,0.25,1\n")
    for kind, day in (("split", "2019-01-01"), ("dividend", "2019-01-02"), ("dividend", "2019-01-04")):
        db.execute(
            "INSERT INTO ingest.action (symbol, kind, ex_date, version, value, provider, fetch_id)"
            " VALUES ('TEST', %s, %s, 1, 2, 'csv', %s)",
            [kind, day, uuid4()],
        )

    shown = actions(api)

    assert [(action["ex_date"], action["effect"]) for action in shown] == [
        ("2019-01-01", "before-prices"),
        ("2019-01-02", "dividend"),
        ("2019-01-03", "dividend"),
        ("2019-01-04", "announced"),
    ]
    assert [action["ratio"] for action in shown] == ["2/1", None, None, None]


def test_an_announced_action_takes_effect_with_the_bar_of_its_day(
    api: ApiClient, cause: UUID, db: Any
) -> None:
    store("2019-01-02,1,2,1,1.5,10,0,1\n2019-01-03,1,2,1,1.5,10,0,1\n")
    db.execute(
        "INSERT INTO ingest.action (symbol, kind, ex_date, version, value, provider, fetch_id)"
        " VALUES ('TEST', 'dividend', '2019-01-04', 1, 0.5, 'csv', %s)",
        [uuid4()],
    )
    before = actions(api)

    store("2019-01-04,1,2,1,1.5,10,0.5,1\n")

    assert [action["effect"] for action in before] == ["announced"]
    assert [action["effect"] for action in actions(api, as_of_version=1)] == ["announced"]
    assert [action["effect"] for action in actions(api)] == ["dividend"]


def test_actions_of_a_version_are_those_known_then(api: ApiClient, cause: UUID) -> None:
    store("2019-01-02,1,2,1,1.5,10,0,1\n2019-01-03,1,2,1,1.5,10,0.25,1\n")
    store("2019-01-02,1,2,1,1.5,10,0,1\n2019-01-03,1,2,1,1.5,10,0.3,1\n")

    assert [(action["value"], action["version"]) for action in actions(api)] == [("0.3", 2)]
    assert [(action["value"], action["version"]) for action in actions(api, as_of_version=1)] == [("0.25", 1)]
    assert_problem(api.get("/api/v1/instruments/TEST/actions/?as_of_version=3"), 404, "unknown-version")
    assert_problem(api.get("/api/v1/instruments/NOPE/actions/"), 404, "unknown-symbol")
    assert_problem(api.get("/api/v1/instruments/TEST/actions/?kind=split"), 400, "validation-error")


def test_the_splits_and_dividends_of_apple_are_all_there(api: ApiClient) -> None:
    api.send("/api/v1/fetches/", symbol="AAPL", provider="bundled")
    drain_everything(("ingest",))

    shown = actions(api, "aapl")

    splits = [(action["ex_date"], action["ratio"]) for action in shown if action["kind"] == "split"]
    assert splits == [("2005-02-28", "2/1"), ("2014-06-09", "7/1")]
    assert shown == sorted(shown, key=lambda action: (action["ex_date"], action["kind"]))
    assert {action["effect"] for action in shown} == {"share-split", "dividend"}
