"""What people read of quota on a terminal of 80 columns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.market_output import print_quota
from deploy.local.output import answers

PAST, FUTURE = "2020-01-02T03:04:05.000000Z", "2099-01-02T03:04:05.000000Z"
BEHIND = "It is 1 session behind 2026-11-20."


def limit(calls: int, seconds: float, left: int, frees_at: str | None) -> dict[str, Any]:
    return {"calls": calls, "seconds": seconds, "used": calls - left, "left": left, "frees_at": frees_at}


def provider(name: str, status: str = "ready", *limits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "provider": name,
        "status": status,
        "limits": limits,
        "capabilities": {},
        "error": None,
    }
    return {**common, **changes}


def planned(symbol: str, at: str | None, *, reason: str = BEHIND, calls: int = 1) -> dict[str, Any]:
    return {"symbol": symbol, "provider": "alphavantage", "reason": reason, "calls": calls, "at": at}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that returns the lines that are printed for providers and a plan."""
    monkeypatch.setattr(answers, "width", 80)

    def show(*providers: dict[str, Any], plan: tuple[dict[str, Any], ...] = ()) -> list[str]:
        print_quota({"providers": providers, "plan": plan})
        return capsys.readouterr().out.splitlines()

    return show


def cells(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


def test_each_limit_stands_in_a_line_with_when_it_frees_if_that_is_to_come(shown: Any) -> None:
    used = provider("alphavantage", "ready", limit(1, 1.25, 0, PAST), limit(25, 86_400.0, 7, FUTURE))
    busy = provider("tiingo", "no-key", limit(50, 3_600.0, 50, None), limit(1_000, 86_400.0, 1_000, None))

    assert cells(shown(used, busy)) == [
        ["alphavantage", "ready", "0 of 1 in 1.25 s", "–"],
        ["", "", "7 of 25 in 1 d", "2099-01-02 03:04"],
        ["tiingo", "no key", "50 of 50 in 1 h", "–"],
        ["", "", "1,000 of 1,000 in 1 d", "–"],
    ]


@pytest.mark.parametrize(
    ("status", "left", "word"), [("ready", 0, "used up"), ("ready", 1, "ready"), ("closed", 0, "closed")]
)
def test_a_provider_without_calls_is_used_up(status: str, left: int, word: str, shown: Any) -> None:
    [row, _] = cells(shown(provider("x", status, limit(1, 1.25, 0, PAST), limit(25, 86_400.0, left, FUTURE))))

    assert row[1] == word


def test_what_is_known_of_a_key_and_what_stands_against_it_are_sentences(shown: Any) -> None:
    reason = "alphavantage takes no calls until 2026-11-21 03:00 UTC: 3 tries in a row failed: HTTP 500."
    closed = provider(
        "alphavantage", "closed", capabilities={"full_history": False}, error={"detail": reason}
    )
    off = provider("yfinance", "off", error={"detail": "It is switched off."})

    text = " ".join(" ".join(shown(closed, off)).split())

    assert "The key of alphavantage: full history: no." in text
    assert reason in text
    assert "switched off" not in text


def test_what_is_asked_together_for_one_reason_is_one_row(shown: Any) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    rows = cells(
        shown(
            plan=(
                planned("AAPL", PAST),
                planned("MSFT", "2020-02-02T00:00:00Z", calls=3),
                planned("NVDA", PAST, reason="It was never fetched."),
                planned("IBM", soon),
                planned("GONE", None, calls=0),
            )
        )
    )

    assert rows == [
        ["now", "4", "AAPL, MSFT from alphavantage"],
        ["", "", BEHIND],
        ["now", "1", "NVDA from alphavantage"],
        ["", "", "It was never fetched."],
        [soon[:16].replace("T", " "), "1", "IBM from alphavantage"],
        ["", "", BEHIND],
        ["never", "0", "GONE from alphavantage"],
        ["", "", BEHIND],
    ]


def test_nothing_is_wider_than_the_terminal(shown: Any) -> None:
    long = "It is 12 sessions behind 2026-11-20. The last try ended with provider-unavailable."
    everyone = [
        provider(name, "no-key", limit(1_000, 86_400.0, 1_000, FUTURE), capabilities={"full_history": True})
        for name in ("alphavantage", "tiingo", "yfinance")
    ]
    plan = tuple(planned(f"SYMBOL{n}", FUTURE, reason=long) for n in range(20))

    lines = shown(*everyone, plan=plan)

    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
