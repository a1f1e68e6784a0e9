"""`bellwether prices`, `fetches` and `index` say what is stored, what waits and who belonged to an index."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone
from typer.testing import CliRunner, Result

from deploy.local import cli, failures, fetches_commands, stored_commands
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import import_series, request_fetch
from services.ingest.providers.domain import Bar, DailySeries, SplitAction

SATURDAY = "2020-01-11"
DAYS = ("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-10", SATURDAY)

pytestmark = pytest.mark.usefixtures("db", "cause")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands on the test's database."""
    for module in (stored_commands, fetches_commands):
        monkeypatch.setattr(module, "open_system", nullcontext)
    monkeypatch.setattr(failures, "_read_settings", lambda: None)


@pytest.fixture
def held() -> None:
    """Store four sessions and a Saturday of HELD with a split, and hold back another price of the first."""
    series = DailySeries(
        symbol="HELD",
        provider="csv",
        attribution="a file",
        bars=tuple(bar(day, volume=0 if day == "2020-01-06" else 5) for day in DAYS),
        splits=(SplitAction(ex_date=date(2020, 1, 6), ratio=Decimal("1.046")),),
        dividends=None,
    )
    record(series)
    record(replace(series, bars=(bar(DAYS[0], price=99), *series.bars[1:])))


def record(series: DailySeries) -> None:
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def later() -> DailySeries:
    return DailySeries(
        symbol="LATER",
        provider="csv",
        attribution="a file",
        bars=(bar(DAYS[0]),),
        splits=None,
        dividends=None,
    )


def bar(day: str, *, price: int = 9, volume: int = 5) -> Bar:
    worth = Decimal(price)
    return Bar(session=date.fromisoformat(day), open=worth, high=worth, low=worth, close=worth, volume=volume)


def requested(symbol: str, *, fetch_id: UUID | None = None) -> UUID:
    asked = fetch_id or uuid4()
    request_fetch(fetch_id=asked, symbol=symbol, provider="bundled", start=None, end=None, now=timezone.now())
    return asked


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli.app, words, env={"COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done


def told(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json").stdout)
    return found


def test_stored_symbols_are_listed(held: None) -> None:
    (stored,) = told("prices")["instruments"]

    assert (stored["symbol"], stored["bar_count"], stored["version"]) == ("HELD", 5, 1)
    assert "HELD" in run("prices").stdout


def test_prices_name_what_is_stored_missing_without_volume_behind_and_held_back(held: None) -> None:
    found = told("prices", "held")

    assert (found["symbol"], found["version"], found["session_count"]) == ("HELD", 1, 5)
    assert found["missing"] == [
        {"first_session": "2020-01-07", "last_session": "2020-01-09", "session_count": 3}
    ]
    assert [each["first_session"] for each in found["zero_volume"]] == ["2020-01-06"]
    assert [each["first_session"] for each in found["extra"]] == [SATURDAY]
    (stale,) = found["stale"]
    assert (stale["first_session"], stale["last_session"]) == ("2020-01-13", found["last_final_session"])
    record(later())
    assert told("prices", "LATER")["stale"][0]["first_session"] == "2020-01-03"
    assert [each["row_count"] for each in found["quarantine"]] == [1]
    assert [each["provider"] for each in found["sources"]] == ["csv"]
    assert not {"versions", "actions"} & set(found)


def test_people_read_prices_with_versions_and_actions(held: None) -> None:
    shown = run("prices", "HELD", "--versions", "--actions").stdout

    assert "HELD · version 1 · 5 sessions, 2020-01-02 to 2020-01-11" in shown
    assert "2020-01-07 to 2020-01-09, 3 sessions" in shown
    assert "Held back    1 change" in shown
    assert "quarantine list" in shown
    assert "Corrected" in shown
    assert "prices only" in shown
    found = told("prices", "HELD", "--versions", "--actions")
    assert [(each["version"], each["added_count"]) for each in found["versions"]] == [(1, 5)]
    assert [(each["value"], each["ratio"]) for each in found["actions"]] == [("1.046", None)]


def test_open_fetches_come_first_and_one_that_waits_is_cancelled(held: None, db: psycopg.Connection) -> None:
    waits, queued = requested("AAPL"), requested("MSFT")
    db.execute(
        "UPDATE ingest.job SET state = 'waiting_quota', run_after = '2030-01-02 03:04Z' WHERE key = 'AAPL'"
    )
    record(later())

    found = told("fetches", "list")["fetches"]
    shown = run("fetches", "list").stdout

    assert [each["symbol"] for each in found] == ["MSFT", "AAPL", "LATER", "HELD", "HELD"]
    assert [each["status"] for each in found[:3]] == ["queued", "waiting_quota", "succeeded"]
    assert [each["added_count"] for each in found[2:]] == [1, 0, 5]
    assert "Goes on at 2030-01-02 03:04 UTC." in " ".join(shown.replace("│", " ").split())
    assert told("fetches", "cancel", str(waits)[:13].upper())["status"] == "cancelled"
    assert fetch_by_id(waits).state == "cancelled"
    assert fetch_by_id(queued).state == "queued"
    assert "is cancelled." in run("fetches", "cancel", str(queued)).stdout


def test_fetches_of_one_symbol_are_listed_up_to_a_limit(held: None) -> None:
    record(later())

    found = told("fetches", "list", "--symbol", "held", "--limit", "1")["fetches"]

    assert [(each["symbol"], each["added_count"]) for each in found] == [("HELD", 0)]


def test_of_two_fetches_that_begin_alike_none_is_cancelled() -> None:
    fetches = [requested(symbol, fetch_id=UUID(int=at)) for at, symbol in enumerate(("AAPL", "MSFT"), 1)]

    refused = run("fetches", "cancel", "00000000", code=1)

    assert "2 open fetches have an id that begins with '00000000'." in refused.stderr
    assert "0 open fetches" in run("fetches", "cancel", "", code=1).stderr
    assert [fetch_by_id(each).state for each in fetches] == ["queued", "queued"]


def test_a_fetch_that_ended_is_not_cancelled(held: None) -> None:
    ended = told("fetches", "list")["fetches"][0]

    assert "0 open fetches" in run("fetches", "cancel", ended["id"], code=1).stderr


def test_members_of_an_index_are_those_of_the_day() -> None:
    before, after = (told("index", "sp500", "--on", day) for day in ("2020-12-18", "2020-12-21"))

    assert {"nasdaq100", "sp500"} <= {row["name"] for row in told("index")["results"]}
    assert "TSLA" not in {each["symbol"] for each in before["results"]}
    assert "TSLA" in {each["symbol"] for each in after["results"]}


def test_people_read_members_with_their_names_now_and_which_are_stored() -> None:
    record(replace(later(), symbol="AAPL"))

    shown = run("index", "sp500", "--on", "2020-12-21").stdout

    assert "sp500 on 2020-12-21 · " in shown
    assert "FB → META" in shown
    assert "AAPL *" in shown
    assert "prices are stored: 1 of" in shown
    assert "S&P 500" in run("index").stdout
    assert "the last day that is known" in run("index", "sp500").stdout


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("prices", "NOPE"), "unknown-symbol"),
        (("prices", "no pe"), "invalid-symbol"),
        (("prices", "--actions"), "validation-error"),
        (("fetches", "list", "--symbol", "a b"), "invalid-symbol"),
        (("fetches", "cancel", "ffffffff"), "not-found"),
        (("index", "moon"), "unknown-index"),
        (("index", "sp500", "--on", "1990-01-01"), "outside-coverage"),
        (("index", "--on", "2020-01-02"), "validation-error"),
    ],
)
def test_bad_input_is_one_sentence_or_a_problem_on_stderr_and_a_non_zero_code(
    words: tuple[str, ...], slug: str
) -> None:
    sentence, problem = run(*words, code=1), run(*words, "--json", code=1)

    assert json.loads(problem.stderr)["type"] == f"/problems/{slug}"
    assert sentence.stderr.startswith("Error: ")
    assert sentence.stdout == problem.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("index", "sp500", "--on", "2020-02-31"),
        ("index", "sp500", "--on", "yesterday"),
        ("fetches", "list", "--limit", "0"),
        ("fetches", "list", "--limit", "many"),
        ("fetches", "cancel"),
    ],
)
def test_a_value_of_the_wrong_form_is_a_usage_error(words: tuple[str, ...]) -> None:
    done = run(*words, code=2)

    assert done.stdout == ""
    assert "Usage: " in done.stderr


def test_without_prices_and_fetches_that_is_said() -> None:
    assert "fetch AAPL" in run("prices").stdout
    assert run("fetches", "list").stdout == "There are none.\n"
