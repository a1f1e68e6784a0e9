"""What an answer of the API says, in one sentence for people."""

from collections.abc import Mapping
from typing import Any

from shared.http.tables import measure, shown
from shared.runs.findings import Finding, outdated, verdict_on


def summary_of(payload: Mapping[str, Any]) -> str:
    """Return what a fetch, run or forecast found; nothing before it did and for any other answer."""
    for needed, sentence in _SENTENCES.items():
        if all(payload.get(name) not in (None, []) for name in needed):
            return sentence(payload)
    return ""


def remarks_on(payload: Mapping[str, Any]) -> list[Finding]:
    """Return what must be known of a finished run before its figures; nothing for any other answer."""
    if not ("truth" in payload and payload.get("metrics")):
        return []
    found = (outdated(payload["outdated_by_version"]), verdict_on(payload["truth"]))
    return [finding for finding in found if finding is not None]


def _forecast(payload: Mapping[str, Any]) -> str:
    close, session = shown(payload["origin_close"]).text, payload["origin_session"]
    model = f"{payload['model']} v{payload['model_version']}"
    return f"From the close of {close} on {session}, by {model}. The band should hold 80 of 100 closes."


def _backtest(payload: Mapping[str, Any]) -> str:
    own, held = (_total_return(payload[name]) for name in ("metrics", "benchmark_metrics"))
    trades = payload["trade_count"]
    return (
        f"{payload['strategy']} on {_sessions(payload, payload['session_count'])}: {own} against {held} "
        f"for buy and hold, {trades:,} trade{'' if trades == 1 else 's'}."
    )


def _fetch(payload: Mapping[str, Any]) -> str:
    news = f"new version {payload['version']}" if payload["changed"] else "nothing new"
    sessions = _sessions(payload, payload["bar_count"])
    asked = [source["provider"] for source in payload.get("sources") or ()]
    why = f" {payload['reason']}" if payload.get("reason") else ""
    return f"{sessions}, from the {' and '.join(asked) or payload['provider']} prices: {news}.{why}"


def _sessions(payload: Mapping[str, Any], count: int) -> str:
    plural = "" if count == 1 else "s"
    return f"{count:,} session{plural}, {payload['first_session']} to {payload['last_session']}"


def _total_return(metrics: list[Mapping[str, Any]]) -> str:
    return measure(next((metric for metric in metrics if metric["name"] == "total_return"), None)).text


_RANGE = ("first_session", "last_session")
_SENTENCES = {
    ("origin_close", "origin_session", "model", "model_version", "points"): _forecast,
    ("strategy", "session_count", "trade_count", "metrics", "benchmark_metrics", *_RANGE): _backtest,
    ("provider", "bar_count", "version", "changed", *_RANGE): _fetch,
}
