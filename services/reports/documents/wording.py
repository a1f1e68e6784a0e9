"""How a report writes its numbers and sentences, so that every format says the same."""

import unicodedata
from collections.abc import Callable
from datetime import date

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

# Control, format (bidi overrides), surrogate, private, unassigned; line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain_text(text: str, *, limit: int = 160) -> str:
    """Return `text` as one printable line of at most `limit` characters; a cut ends in an ellipsis."""
    # Bounding the input first keeps a hostile megabyte from costing more than a sentence.
    head = text[: 4 * limit]
    visible = "".join(" " if unicodedata.category(char) in _UNPRINTABLE else char for char in head)
    line = " ".join(visible.split())
    if len(line) <= limit and len(text) <= 4 * limit:
        return line
    return line[: limit - 1].rstrip() + ELLIPSIS


def number(value: float, *, digits: int = 2, signed: bool = False) -> str:
    """Write a number with thousands separators and a true minus; what rounds to zero has no sign.

    From 1e15 on the exponent form keeps it inside its column.
    """
    text = f"{abs(value):.3e}" if abs(value) >= 1e15 else f"{abs(value):,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        return text
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + text


def percent(ratio: float, *, signed: bool = False) -> str:
    """Write a fraction as percent: two decimals below 100 %, one above."""
    digits = 2 if abs(ratio) < 1 else 1
    return f"{number(ratio * 100, digits=digits, signed=signed)} %"


def price(value: float) -> str:
    """Write a price: two decimals, four below one."""
    return number(value, digits=2 if abs(value) >= 1 else 4)


def quantity(value: float) -> str:
    """Write a number of shares: whole where it is, else with four decimals."""
    return number(value, digits=0 if float(value).is_integer() else 4)


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 trade`, `1,200 trades`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def span(first: date, last: date) -> str:
    """Write a day, or the first and the last of several."""
    return first.isoformat() if first == last else f"{first} to {last}"


_WRITERS: dict[str, Callable[[float, bool], str]] = {
    "ratio": lambda value, signed: percent(value, signed=signed),
    "money": lambda value, signed: number(value, signed=signed),
    "percent": lambda value, signed: percent(value / 100, signed=signed),
    "number": lambda value, signed: number(value, signed=signed),
    "count": lambda value, _: f"{value:,.0f}",
    "days": lambda value, _: counted(round(value), "day"),
    "sessions": lambda value, _: counted(round(value), "session"),
}
UNITS = frozenset(_WRITERS)


def measure(value: float | None, unit: str, *, signed: bool = False) -> str:
    """Write a value of one of `UNITS`; an undefined one is a dash. Raises `KeyError` for an unknown unit."""
    write = _WRITERS[unit]
    return DASH if value is None else write(value, signed)


def backtest_verdict(
    *, total: float | None, benchmark: float | None, trade_count: int, is_open: bool, session_count: int
) -> str:
    """Say what the run is worth against buy and hold; `total` and `benchmark` are fractions."""
    against = f"{_signed(total)} against {_signed(benchmark)} for buy and hold"
    span = counted(session_count, "session")
    if trade_count == 0 and not is_open:
        return f"No trades: the rule never fired in {span}. {against}."
    if trade_count == 0:
        return f"No closed trades in {span}: one position is open. {against}."
    return f"{against}, with {counted(trade_count, 'closed trade')} in {span}."


def forecast_verdict(*, last_session: str, origin_close: float, row: tuple[float, float, float]) -> str:
    """Say where the forecast ends; `row` is the last point with its 80 % band."""
    point, low, high = row
    return (
        f"{price(point)} expected on {last_session} ({_signed(point / origin_close - 1)} from the close of "
        f"{price(origin_close)}), 80 % interval {price(low)} to {price(high)}. No direction is promised."
    )


def model_line(
    *, model: str, model_version: str, basis: str, origin_session: str, trained_until: str | None
) -> str:
    """Say which model made a forecast, from what, and in which terms."""
    made = f", made from prices up to {trained_until}" if trained_until else ""
    return (
        f"Model {model}, version {model_version}{made}; basis {basis}, in the terms of the close of {origin_session}. "
        "The random walk says: no change."
    )


def backfilled_line(*, origin_session: str, trained_until: str | None) -> str:
    """Say what a backfilled forecast knew."""
    model = f"; the model was made from prices up to {trained_until}" if trained_until else ""
    return f"Backfilled: issued from the prices up to {origin_session}{model}."


def record_verdict(ratio: float | None, *, seen_until: str | None) -> str:
    """Say how a forecast did; `ratio` is its mean absolute error over the random walk's.

    `seen_until` is given when the model was made from prices that were later than the forecast's origin.
    """
    if ratio is None:
        return "Not scored: no actual close is known yet."
    seen = f" The model was made from prices up to {seen_until}: no test of it." if seen_until else ""
    return _compared(ratio) + seen


def _compared(ratio: float) -> str:
    text = number(ratio)
    if text == "1.00":
        return f"No skill: no better than the random walk at this origin (ratio {text})."
    if ratio > 1:
        return f"No skill: worse than the random walk at this origin (ratio {text})."
    return f"Better than the random walk at this origin (ratio {text}); one origin proves no skill."


def _signed(ratio: float | None) -> str:
    return measure(ratio, "ratio", signed=True)
