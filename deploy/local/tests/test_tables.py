"""Every table of market data is readable on 80 columns: no line is wider, and ids, days and numbers stay whole."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from deploy.local import fetch_output, market_output, output, stored_output
from deploy.local.checkout import command_line
from deploy.local.tables import short_id_length
from services.ingest.fetches.services import OtherFetchOpen
from shared.errors import InsufficientHistory

WIDTH = 80
LONG = "A price of 4 known session(s) moved by more than 20% and no split was moved there, the open of 2020-01-02."
SYMBOL, PROVIDER = "BHARTIARTL.BSE", "alphavantage"
FETCH: dict[str, Any] = {
    "id": "01a1fb64-75a7-74a8-afb6-6505d2f8ce20",
    "symbol": SYMBOL,
    "provider": PROVIDER,
    "created_at": "2026-11-20T23:57:00.000000Z",
    "resumes_at": None,
    "error": None,
    "version": 12,
    "changed": True,
    "added_count": 1_234,
    "corrected_count": 56,
    "actions_changed_count": 7,
    "bar_count": 12_345,
    "first_session": "1990-01-02",
    "last_session": "2026-11-20",
    "reason": None,
    "status": "succeeded",
}
WAITS: dict[str, Any] = {
    **FETCH,
    "id": "01a1fb64-68a7-74a8-afb6-6505d2f8ce20",
    "status": "waiting_quota",
    "version": None,
    "resumes_at": "2026-11-21T23:56:42Z",
    "error": {"detail": "The calls are used up for now."},
}
HELD: dict[str, Any] = {
    "id": "86bfa830-9f14-571d-91d4-692a77ce167d",
    "symbol": SYMBOL,
    "provider": PROVIDER,
    "row_count": 1_234,
    "first_session": "2020-01-03",
    "last_session": "2020-01-10",
    "status": "open",
    "detail": LONG,
}
WATCHED: dict[str, Any] = {
    "symbol": SYMBOL,
    "last_session": "2018-03-27",
    "behind_sessions": 2_176,
    "refresh_at": "2026-11-23T21:30:00Z",
    "reason": LONG,
}
VERSION = {
    "version": 12,
    "recorded_at": "2026-11-20T23:56:00Z",
    "provider": PROVIDER,
    "added_count": 12_345,
    "corrected_count": 1_000,
    "actions_changed_count": 99,
}
SPLIT = {
    "ex_date": "2005-02-28",
    "kind": "split",
    "value": "7.000007",
    "effect": "share-split",
    "ratio": "7/1",
    "provider": PROVIDER,
    "version": 12,
}
STORED = {
    "symbol": SYMBOL,
    "version": 12,
    "first_session": "1990-01-02",
    "last_session": "2026-11-20",
    "session_count": 9_000,
    "sources": [{**FETCH, "session_count": 9_000}],
    "missing": [{"first_session": "2020-01-07", "last_session": "2020-01-09", "session_count": 3}] * 12,
    "extra": [],
    "zero_volume": [{"first_session": "2020-01-06", "last_session": "2020-01-06", "session_count": 1}],
    "large_moves": [{"session": "2020-03-16", "change_ratio": "-0.25"}],
    "stale": [],
    "split_count": 1,
    "dividend_count": 0,
    "quarantine": [HELD],
    "versions": [VERSION],
    "actions": [SPLIT],
}
INSTRUMENT = {**VERSION, "symbol": SYMBOL, "bar_count": 12_345, "first_session": "1990-01-02"}
TOKEN = {
    "id": "57e0b1ed-9f14-571d-91d4-692a77ce167d",
    "prefix": "bw_IyU9lC",
    "user": "admin",
    "kind": "session",
    "name": "a name that somebody gave with care",
    "created_at": "2026-11-20T23:52:00Z",
    "last_used_at": None,
    "expires_at": "2027-02-18T00:00:00Z",
}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what is printed on a terminal of 80 columns."""
    paper = io.StringIO()
    console = Console(width=WIDTH, file=paper, highlight=False)
    for module in (output, fetch_output, market_output, stored_output):
        monkeypatch.setattr(module, "answers", console)

    def print_(show: Callable[..., None], found: Any, **options: Any) -> str:
        show(found, **options)
        return paper.getvalue()

    return print_


@pytest.mark.parametrize(
    ("show", "found", "whole"),
    [
        (
            fetch_output.print_fetches,
            {"fetches": [WAITS, FETCH]},
            [
                "01a1fb64-6",
                SYMBOL,
                "waiting_quota",
                "2026-11-21 23:56",
                "1990-01-02",
                "12,345",
                "corrected",
            ],
        ),
        (
            market_output.print_quarantine,
            {"quarantine": [HELD]},
            ["86bfa830", SYMBOL, PROVIDER, "1,234 rows", "2020-01-03", "2020-01-10", "quarantine accept ID"],
        ),
        (
            market_output.print_watch_lists,
            {"watch_lists": [{"name": "core", "provider": "auto", "active": True, "symbols": [WATCHED]}]},
            ["core · auto · refreshed", SYMBOL, "2018-03-27", "2,176", "2026-11-23 21:30"],
        ),
        (
            stored_output.print_prices,
            STORED,
            [
                *("9,000 sessions, 1990-01-02 to 2026-11-20", "2020-01-07 to 2020-01-09, 3 sessions"),
                *(
                    "and 2 more",
                    "2020-03-16 -25.0%",
                    "1 split",
                    "1 change",
                    "12,345",
                    "2005-02-28",
                    "7.000007",
                ),
            ],
        ),
        (
            stored_output.print_instruments,
            {"instruments": [{**INSTRUMENT, "last_session": "2026-11-20"}]},
            [SYMBOL, "12,345", "1990-01-02", "2026-11-20", PROVIDER],
        ),
        (output.print_tokens, [TOKEN], ["57e0b1ed", "bw_IyU9lC", "admin", "2026-11-20", "2027-02-18"]),
    ],
)
def test_a_table_fits_on_80_columns_and_breaks_no_id_day_or_number(
    show: Callable[..., None], found: Any, whole: list[str], written: Callable[..., str]
) -> None:
    text = written(show, found)

    lines = [line for line in text.splitlines() if "bellwether" not in line]  # commands are never broken
    assert max(map(len, lines)) <= WIDTH
    assert [part for part in whole if part not in text] == []
    assert "…" not in text


def test_a_symbol_of_an_active_list_without_a_time_is_being_fetched(written: Callable[..., str]) -> None:
    row = {**WATCHED, "refresh_at": None, "reason": None}
    lists = [
        {"name": name, "provider": "auto", "active": name == "core", "symbols": [row]}
        for name in ("core", "off")
    ]

    assert written(market_output.print_watch_lists, {"watch_lists": lists}).count("is under") == 1


def test_a_fetch_says_how_many_sessions_it_added_and_corrected(written: Callable[..., str]) -> None:
    job = {
        **FETCH,
        "status": "succeeded",
        "sources": [{"provider": "tiingo"}],
        "inner_gaps": [],
        "rejected_count": 0,
        "disagreeing_count": 0,
        "quarantined_count": 0,
    }

    text = " ".join(written(fetch_output.print_fetch, job).split())

    assert "new version 12, 1,234 added and 56 corrected, 7 splits or dividends changed; 0 missing" in text


def test_what_is_typed_by_others_is_no_markup(written: Callable[..., str]) -> None:
    text = written(market_output.print_quarantine, {"quarantine": [{**HELD, "detail": "[red]it[/red]"}]})

    assert "[red]it[/red]" in text


def test_short_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    assert short_id_length([]) == short_id_length([HELD["id"]]) == 8
    assert short_id_length([FETCH["id"], WAITS["id"]]) == 10


def test_too_little_history_names_where_more_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = io.StringIO()
    monkeypatch.setattr(output, "progress", Console(width=WIDTH, file=paper, highlight=False))

    output.print_problem(
        InsufficientHistory(symbol="HELD", needed_sessions=201, present_sessions=4), as_json=False
    )

    lines = paper.getvalue().splitlines()
    assert "HELD has 4 sessions and 201 are needed: 197 are missing." in lines[0]
    assert lines[1].endswith("key tiingo && " + command_line("fetch HELD"))
    assert lines[2].endswith("import FILE --symbol HELD")


def test_another_fetch_that_waits_is_cancelled_by_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = io.StringIO()
    monkeypatch.setattr(output, "progress", Console(width=WIDTH, file=paper, highlight=False))
    known = {"fetch_id": str(FETCH["id"]), "resumes_at": "2026-11-21T23:56:42+00:00"}

    output.print_problem(
        OtherFetchOpen("A fetch waits until then: cancel it with DELETE /api/v1/x/, or wait.", **known),
        as_json=False,
    )

    assert (
        f"waits until then: cancel it with {command_line('fetches cancel')} {FETCH['id']}, or"
        in paper.getvalue()
    )
