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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from deploy.local import cli, failures, import_commands
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.ingest.quarantine.services import accept_change
from services.ingest.sessions.domain import sessions_between

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

    assert "1 rows of the form plain, 0 good Splits the file says nothing" in " ".join(done.stdout.split())
    assert "there is no good row, nothing to import" in done.stdout
    assert "volume 'x' is not a whole number of shares" in done.stdout


def test_bad_rows_import_nothing_unless_the_good_ones_are_asked_for(db: psycopg.Connection) -> None:
    text = "\n".join([*GOOD, "2020-09-02,1,1,1,1,x"])

    refused = problem(text, "--symbol", "AAPL")
    assert (refused["type"], refused["total_errors"], closes(db)) == ("/problems/import-rejected", 1, [])

    partial = told(text, "--symbol", "AAPL", "--accept-partial")

    assert [row["line"] for row in partial["rejected"]] == [4]
    assert closes(db) == ["2020-08-28=499.230000", "2020-08-31=129.040000"]


LATER = sessions_between(date(2020, 9, 1), date(2021, 12, 31))


def bad_rows(count: int) -> str:
    return "\n".join([*GOOD, *(f"{LATER[number]},[red]{number},1,1,1,1" for number in range(count))])


@pytest.mark.parametrize(
    ("options", "code"), [(("--accept-partial",), 0), (("--dry-run",), 0), ((), 1)], ids=str
)
def test_people_see_the_first_twenty_bad_rows_and_how_many_more_there_are(
    options: tuple[str, ...], code: int
) -> None:
    done = run(bad_rows(25), "--symbol", "AAPL", *options, code=code)

    shown = done.stderr if code else done.stdout
    assert "25 bad rows" in shown
    assert "line 4:  open '[red]0' is not a plain number" in shown
    assert [number for number in range(25) if f",[red]{number},1,1" in shown] == list(range(20))
    assert "and 5 more; --json lists them" in shown


def test_of_bad_rows_with_one_reason_five_are_shown_so_that_others_are_seen() -> None:
    text = "\n".join([*GOOD, *(f"{day},1,1,1,1,x" for day in LATER[:200]), "soon,1,1,1,1,1"])

    done = run(text, "--symbol", "AAPL", code=1)

    assert done.stderr.count("volume 'x' is not a whole number") == 5
    assert "line 204: date 'soon'" in done.stderr
    assert "and 195 more" in done.stderr
    assert "201 bad rows and 2 good: nothing was imported" in done.stderr


@pytest.mark.parametrize("odd", ["31/12/2019", "99/99/2020", "soon", "2999-01-04", "2020-08-28"])
def test_one_odd_date_hides_no_other_bad_row(odd: str) -> None:
    text = "\n".join([*GOOD, f"{odd},1,1,1,1,1", "2020-09-02,1,1,1,1,x", "2020-09-03,-1,1,1,1,1"])

    refused = problem(text, "--symbol", "AAPL")
    trial = told(text, "--symbol", "AAPL", "--dry-run")
    partial = told(text, "--symbol", "AAPL", "--accept-partial")

    for rows in (refused["errors"], trial["rejected"], partial["rejected"]):
        assert [row["line"] for row in rows] == [4, 5, 6]
        assert rows[0]["text"] == f"{odd},1,1,1,1,1"
        assert "volume 'x'" in rows[1]["reason"]


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
    assert replaced["largest_change"] == {
        "session": "2020-08-31",
        "price": "close",
        "stored": "129.04",
        "told": "129.05",
        "change_ratio": 7.7e-05,
    }


def test_a_replacement_in_other_units_waits_for_a_decision_and_can_be_taken_back(
    db: psycopg.Connection,
) -> None:
    told("\n".join(GOOD), "--symbol", "AAPL")
    in_cents = f"{PLAIN}\n2020-08-28,50405,50577,49831,49923,1\n2020-08-31,12758,13100,12600,12904,1"

    trial = run(in_cents, "--symbol", "AAPL", "--replace", "--dry-run")
    held = told(in_cents, "--symbol", "AAPL", "--replace")

    assert "2 changes look wrong and would wait for your decision" in trial.stdout
    assert "+9900.00%" in trial.stdout
    assert (held["changed"], held["quarantined"], closes(db)[0]) == (False, 2, "2020-08-28=499.230000")
    accept_change(quarantine_id=UUID(held["quarantine_id"]), decided_by="ann", now=timezone.now())
    assert closes(db)[0] == "2020-08-28=49923.000000"

    tried = restored("--dry-run")
    assert (tried["version"], closes(db)[0]) == (3, "2020-08-28=49923.000000")
    assert (restored()["corrected_count"], closes(db)[0]) == (2, "2020-08-28=499.230000")


def restored(*options: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, ["restore", "aapl", "--version", "1", *options, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_people_are_told_what_a_version_that_comes_back_removes() -> None:
    told("\n".join(GOOD[:2]), "--symbol", "AAPL")
    told("\n".join(GOOD), "--symbol", "AAPL")

    done = CliRunner().invoke(cli.app, ["restore", "AAPL", "--version", "1"])

    assert "AAPL: version 3 brings back version 1." in done.stdout
    assert "0 back, 0 changed, 1 removed" in done.stdout
    assert "fetch it again" in done.stdout


@pytest.mark.parametrize(
    ("symbol", "version"), [("AAPL", "2"), ("AAPL", "0"), ("AAPL", "9" * 30), ("IBM", "1")]
)
def test_a_version_that_never_was_cannot_be_brought_back(symbol: str, version: str) -> None:
    told("\n".join(GOOD), "--symbol", "AAPL")

    done = CliRunner().invoke(cli.app, ["restore", symbol, "--version", version, "--json"])

    assert (done.exit_code, json.loads(done.stderr)["status"]) == (1, 404)


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


ROW = {"date": "2020-08-31", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}
HOSTILE = {
    "a zip": b"PK\x03\x04" + bytes(100),
    "a gzip": b"\x1f\x8b\x08" + bytes(100),
    "a million rows": b"date,open,high,low,close,volume\n" + b"2020-08-31,1,1,1,1,1\n" * 1_000_000,
    "many short lines": b"a,b\n" + b"\n" * 1_000_000,
    "deep": b'[{"a":' * 5_000,
    "nearly too deep": b'[{"a":' + b"[" * 900 + b"]" * 900 + b"}]",
    "millions of records": b"[" + b"{}," * 2_000_000 + b"{}]",
    "a million columns": b",".join(b"%d" % number for number in range(1_000_000)),
    "a million fields": json.dumps([{f"{number}": 1 for number in range(200_000)}]).encode(),
    "nan": json.dumps([{**ROW, "close": float("nan")}]).encode(),
    "huge": json.dumps([{**ROW, "close": 10**4_000}]).encode(),
    "exponent": b'[{"date":"2020-08-31","open":1e999,"high":1,"low":1,"close":1,"volume":1}]',
    "latin": "date,open,high,low,close,volume\n31 août,1,1,1,1,1".encode("latin-1"),
    "utf-16": "\n".join(GOOD).encode("utf-16"),
    "surrogates": b'[{"date":"\\ud800"}]',
    "old mac": "\r".join(GOOD).encode(),
    "one quote": f'{PLAIN}\n"2020-08-31,1,1,1,1,1\n'.encode(),
    "nothing": b"",
    "nul": bytes(1_000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("options", [(), ("--accept-partial",), ("--accept-partial", "--json")], ids=str)
def test_a_hostile_file_ends_in_a_sentence_and_stores_nothing(
    db: psycopg.Connection, name: str, options: tuple[str, ...]
) -> None:
    Path("hostile").write_bytes(HOSTILE[name])

    done = CliRunner().invoke(cli.app, ["import", "hostile", "--symbol", "AAPL", *options])

    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert (len(done.stderr) < 3_000, "Traceback" in done.output) == (True, False)
    assert done.stderr.startswith('{"type"' if "--json" in options else "Error: ")
    assert stored(db, "SELECT count(*) FROM ingest.event") == [(0,)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.binary(max_size=60)
    | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    at=st.integers(0, 140),
    option=st.sampled_from(["--dry-run", "--accept-partial", "--replace"]),
)
def test_damaged_bytes_never_show_a_traceback(
    db: psycopg.Connection, noise: bytes, at: int, option: str
) -> None:
    whole = "\n".join(GOOD).encode()
    Path("damaged").write_bytes(whole[:at] + noise + whole[at + len(noise) :])

    done = CliRunner().invoke(cli.app, ["import", "damaged", "--symbol", "AAPL", option, "--dry-run"])

    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code in {0, 1}
    assert stored(db, "SELECT count(*) FROM ingest.event") == [(0,)]


def test_a_name_that_is_no_text_is_shown_escaped() -> None:
    done = CliRunner().invoke(cli.app, ["import", "\udcff.csv", "--symbol", "AAPL"])

    assert (done.exit_code, "\\udcff.csv: No such file" in done.stderr) == (1, True)
