"""`bellwether import` says what a file holds and takes from it what it was told to, and nothing else."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone
from typer.testing import CliRunner, Result

from deploy.local import cli, failures, import_commands
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv

PLAIN = "date,open,high,low,close,volume"
GOOD = [
    f"{PLAIN}",
    "2020-08-28,504.05,505.77,498.31,499.23,46907479",
    "2020-08-31,127.58,131,126,129.04,225702700",
]
YAHOO = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2020-08-28,126.012497,126.442497,124.577499,124.807503,122.561531,187629916\n"
    "2020-08-31,127.580002,131.000000,126.000000,129.039993,126.717857,225702700\n"
)

pytestmark = pytest.mark.usefixtures("db", "cause")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the command on the test's database, in a folder of its own."""
    monkeypatch.setattr(import_commands, "open_system", nullcontext)
    monkeypatch.setattr(failures, "_read_settings", lambda: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str, *options: str, name: str = "prices.csv", code: int = 0) -> Result:
    Path(name).write_text(text)
    done = CliRunner().invoke(cli.app, ["import", name, *options], env={"COLUMNS": "120"})
    assert done.exit_code == code, done.output
    return done


def told(text: str, *options: str, name: str = "prices.csv") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(text, *options, "--json", name=name).stdout)
    return found


def problem(text: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(text, *options, "--json", code=1).stderr.splitlines()[-1])
    return found


def stored(db: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return db.execute(query).fetchall()


def closes(db: psycopg.Connection) -> list[str]:
    query = "SELECT session, close FROM ingest.bar WHERE superseded_version IS NULL ORDER BY session"
    return [f"{session}={close:f}" for session, close in stored(db, query)]


def test_a_file_is_imported_and_a_second_time_changes_nothing() -> None:
    first, second = (told("\n".join(GOOD), "--symbol", "aapl") for _ in range(2))

    assert (first["symbol"], first["form"], first["rows"], first["rows_read"]) == ("AAPL", "plain", 2, 2)
    assert (first["version"], first["changed"], first["added"], first["corrected"]) == (1, True, 2, 0)
    assert (first["first_session"], first["last_session"]) == ("2020-08-28", "2020-08-31")
    assert (second["version"], second["changed"], second["added"]) == (1, False, 0)
    assert fetch_by_id(UUID(first["fetch_id"])).state == "succeeded"


def test_a_dry_run_says_what_an_import_would_change_and_stores_nothing(db: psycopg.Connection) -> None:
    told("\n".join(GOOD[:2]), "--symbol", "AAPL")
    events = stored(db, "SELECT count(*) FROM ingest.event")

    trial = told("\n".join([*GOOD, "2020-09-02,1,1,1,1,x"]), "--symbol", "AAPL", "--dry-run")

    assert (trial["dry_run"], trial["fetch_id"], trial["version"], trial["added"]) == (True, None, 2, 1)
    assert [row["line"] for row in trial["rejected"]] == [4]
    assert trial["last_session_read"] == "2020-08-31"
    assert closes(db) == ["2020-08-28=499.230000"]
    assert stored(db, "SELECT count(*) FROM ingest.event") == events


def test_a_dry_run_of_a_file_without_a_good_row_still_lists_the_bad_ones() -> None:
    done = run(f"{PLAIN}\n2020-09-02,1,1,1,1,x\n", "--symbol", "AAPL", "--dry-run")

    assert "1 rows read as plain, 0 of them good; splits not stated" in " ".join(done.stdout.split())
    assert "Nothing to import." in done.stdout
    assert "volume 'x' is not a whole number of shares" in done.stdout


def test_bad_rows_import_nothing_unless_the_good_ones_are_asked_for(db: psycopg.Connection) -> None:
    text = "\n".join([*GOOD, "2020-09-02,1,1,1,1,x"])

    refused = problem(text, "--symbol", "AAPL")
    assert (refused["type"], refused["total_errors"], closes(db)) == ("/problems/import-rejected", 1, [])

    partial = told(text, "--symbol", "AAPL", "--accept-partial")

    assert [row["line"] for row in partial["rejected"]] == [4]
    assert closes(db) == ["2020-08-28=499.230000", "2020-08-31=129.040000"]


def test_people_see_the_first_twenty_bad_rows_and_how_many_more_there_are() -> None:
    text = "\n".join([*GOOD, *["2020-09-02,[red]1,1,1,1,1"] * 25])

    done = run(text, "--symbol", "AAPL", "--accept-partial")

    assert "25 bad row(s)" in done.stdout
    assert "open '[red]1' is not a plain number" in done.stdout
    assert done.stdout.count("2020-09-02,[red]1") == 20
    assert "and 5 more; --json lists them all" in done.stdout


def test_people_are_told_of_bad_records_by_what_they_are() -> None:
    records = [
        {"date": f"2020-09-0{day}", "open": 1, "high": 1, "low": 1, "close": 1, "volume": -1}
        for day in (1, 2)
    ]

    done = run(json.dumps(records), "--symbol", "AAPL", code=1)

    assert "record 2: volume '-1'" in done.stderr


def test_splits_are_given_one_by_one_and_prices_stored_as_traded(db: psycopg.Connection) -> None:
    assert problem(YAHOO, "--symbol", "AAPL")["type"] == "/problems/splits-unclear"

    done = run(YAHOO, "--symbol", "AAPL", "--split", "2020-08-31=4")

    assert "rebuilt as traded with 2020-08-31 4:1" in " ".join(done.stdout.split())
    assert closes(db) == ["2020-08-28=499.230000", "2020-08-31=129.040000"]
    assert stored(db, "SELECT kind, ex_date, value FROM ingest.action") == [
        ("split", date(2020, 8, 31), Decimal(4))
    ]


def test_somebody_may_say_that_there_was_no_split(db: psycopg.Connection) -> None:
    told(YAHOO, "--symbol", "AAPL", "--as-traded")

    assert closes(db) == ["2020-08-28=124.807500", "2020-08-31=129.040000"]


@pytest.mark.parametrize(
    "options",
    [
        ("--split", "2020-08-31"),
        ("--split", "soon=4"),
        ("--split", "2020-08-31=0"),
        ("--split", "2020-08-31=-4"),
        ("--split", "2020-08-31=4", "--as-traded"),
    ],
)
def test_a_malformed_split_is_refused(options: tuple[str, ...]) -> None:
    assert problem(YAHOO, "--symbol", "AAPL", *options)["type"] == "/problems/validation-error"


def test_the_word_of_a_file_stands_over_what_others_told_only_when_it_is_asked_for(
    db: psycopg.Connection,
) -> None:
    series = parse_csv("\n".join(GOOD).encode(), "AAPL", today=date(2020, 12, 31))
    import_series(fetch_id=uuid4(), series=replace(series, provider="tiingo"), now=timezone.now())
    other = "\n".join(GOOD).replace("129.04,", "129.05,")

    kept = told(other, "--symbol", "AAPL")
    assert (kept["kept"], kept["corrected"], closes(db)[1]) == (2, 0, "2020-08-31=129.040000")

    replaced = told(other, "--symbol", "AAPL", "--replace")

    assert (replaced["kept"], closes(db)[1]) == (0, "2020-08-31=129.050000")


@pytest.mark.parametrize(
    ("text", "options", "slug"),
    [
        ("\n".join(GOOD), (), "symbol-unclear"),
        ("\n".join(GOOD), ("--symbol", "no pe"), "invalid-symbol"),
        ("\n".join(GOOD), ("--symbol", "AAPL", "--form", "moon"), "unknown-form"),
        (PLAIN.replace("volume", "vwap"), ("--symbol", "AAPL"), "unclear-form"),
        ("", ("--symbol", "AAPL"), "import-rejected"),
    ],
)
def test_each_reason_to_refuse_a_file_has_its_name(text: str, options: tuple[str, ...], slug: str) -> None:
    assert problem(text, *options)["type"] == f"/problems/{slug}"


def test_the_file_itself_may_say_whose_prices_it_holds() -> None:
    row = {"1. open": "1", "2. high": "1", "3. low": "1", "4. close": "1", "5. volume": "1"}
    answer = {"Meta Data": {"2. Symbol": "MSFT"}, "Time Series (Daily)": {"2020-08-31": row}}

    assert told(json.dumps(answer))["symbol"] == "MSFT"


def test_a_file_that_cannot_be_read_is_named() -> None:
    done = CliRunner().invoke(cli.app, ["import", "nowhere.csv", "--symbol", "AAPL"])

    assert (done.exit_code, "nowhere.csv: No such file" in done.stderr) == (1, True)
