"""The converter keeps the source's numbers, drops what cannot be true and solves IBM's dividends."""

import json
from pathlib import Path

import pytest

from services.ingest.providers.convert_bundled import SOURCES, SourceRow, convert, main, solved_dividends

WIKI_HEADER = (
    "date,open,high,low,close,volume,dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume"
)
WIKI_ROWS = (
    "2015-07-15,10.50,11,10,10.40,100,0,1,1,1,1,1.3000,100",
    "2015-07-16,10.50,10,10,10.40,100,0,1,1,1,1,1.3000,100",
    "2015-07-20,10.50,11.0,10,10.40,100,0.08,2,1,1,1,10.40,100",
)


def row(session: str, close: str, adj_close: str) -> SourceRow:
    return {"date": session, "close": close, "adj_close": adj_close}


def test_dividends_are_solved_from_the_factor_on_the_ex_date() -> None:
    # 0.80 and 0.84 are 80/(80+2.00) and 84/(84+0.21) of a later factor: worked back by hand.
    rows = [
        row("2012-02-07", "79", f"{79 * (80 / 82) * (84 / 84.21):.10g}"),
        row("2012-02-08", "80", f"{80 * (84 / 84.21):.10g}"),
        row("2012-02-09", "81", f"{81 * (84 / 84.21):.10g}"),
        row("2012-05-08", "84", "84"),
    ]

    assert solved_dividends(rows) == {"2012-02-08": "2.00", "2012-05-08": "0.21"}


def test_a_series_adjusted_by_another_rule_is_refused() -> None:
    # 1 - D / C_previous, as Yahoo adjusts.
    rows = [row("2012-02-07", "90", f"{90 * (1 - 2 / 90):.10g}"), row("2012-02-08", "80", "80")]

    with pytest.raises(ValueError, match="2012-02-08: solved dividend"):
        solved_dividends(rows)


def test_a_falling_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="no amount in cents"):
        solved_dividends([row("2012-02-07", "90", "90"), row("2012-02-08", "90", "89")])


def test_bad_rows_are_dropped_and_listed_and_texts_are_kept(tmp_path: Path) -> None:
    (tmp_path / "FB_wiki.csv").write_text("\n".join((WIKI_HEADER, *WIKI_ROWS)))

    entry = convert("FB", tmp_path, tmp_path)

    assert (tmp_path / "FB.csv").read_text().splitlines() == [
        "date,open,high,low,close,volume,dividend,split_ratio,adj_close",
        "2015-07-15,10.50,11,10,10.40,100,0,1,1.3000",
        "2015-07-20,10.50,11.0,10,10.40,100,0.08,2,10.40",
    ]
    assert entry["rows"] == 2
    assert entry["dropped"] == [
        {
            "line": 3,
            "session": "2015-07-16",
            "reason": "open 10.50 and close 10.40 do not lie between low 10 and high 10",
            "text": "2015-07-16,10.50,10,10,10.40,100,0,1,1.3000",
        }
    ]
    assert entry["missing_sessions"] == ["2015-07-16", "2015-07-17"]


def test_the_command_writes_every_series_and_the_manifest(tmp_path: Path) -> None:
    for symbol, source in SOURCES.items():
        text = "\n".join((WIKI_HEADER, *WIKI_ROWS))
        if symbol == "IBM":
            text = "date,open,high,low,close,volume,adj_close\n2012-05-08,1,1,1,1.00,5,0.9\n"
        (tmp_path / source.file).write_text(text)

    main(["--source", str(tmp_path), "--out", str(tmp_path / "out")])

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert sorted(manifest["symbols"]) == sorted(SOURCES)
    assert (tmp_path / "out" / "IBM.csv").read_text().splitlines()[1] == "2012-05-08,1,1,1,1.00,5,0,1,0.9"
