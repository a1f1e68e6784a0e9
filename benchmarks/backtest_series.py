"""The bars that our backtests and the rivals' run on: the bundled prices of AAPL, adjusted for splits.

Needs numpy alone, for the rivals live in an environment of their own. Longer series go through the prices again and
again, each time in the other direction, so that they neither jump nor leave their range. On these an entry is a fixed
number of shares: all in, an account would outgrow the numbers that hold whole shares exactly.
"""

from pathlib import Path

import numpy as np

AAPL = Path(__file__).resolve().parents[1] / "services/ingest/providers/bundled/AAPL.csv"
CAPITAL, FEE = 1_000_000.0, 0.001  # the fee as a fraction of each fill
PORTFOLIO_CAPITAL = 1_000 * CAPITAL  # that all 500 symbols find enough of
FAST, SLOW = 20, 50
FASTS, SLOWS, SWEPT_BARS = range(2, 102), range(102, 202), 2_500
SYMBOLS, UNIVERSE_BARS, SHARES = 500, 2_500, 100.0
STORED_BARS = 3_581

type Bars = dict[str, np.ndarray]


def bars(count: int) -> Bars:
    """Return the open, high, low, close and volume of the last `count` sessions, or of a longer series."""
    table = np.genfromtxt(AAPL, delimiter=",", skip_header=1, usecols=(1, 2, 3, 4, 5, 7))
    later = np.append(np.cumprod(table[::-1, 5])[::-1][1:], 1.0)
    names = ("open", "high", "low", "close")
    there = {name: table[:, column] / later for column, name in enumerate(names)}
    there["volume"] = table[:, 4] * later
    if count <= len(table):
        return {name: column[-count:].copy() for name, column in there.items()}
    back = {name: column[::-1] for name, column in there.items()}
    back["open"], back["close"] = back["close"], back["open"]
    passes = -(-count // len(table))
    return {
        name: np.concatenate([(back if number % 2 else there)[name] for number in range(passes)])[:count]
        for name in there
    }


def universe() -> list[Bars]:
    """Return the bars of 500 symbols: other stretches of one long series, at other prices."""
    long = bars(UNIVERSE_BARS + 7 * SYMBOLS)
    found = []
    for number in range(SYMBOLS):
        part = {name: column[7 * number : 7 * number + UNIVERSE_BARS] for name, column in long.items()}
        scale = 1.0 + number / 100.0
        found.append({n: c * (1.0 if n == "volume" else scale) for n, c in part.items()})
    return found


def days(count: int) -> np.ndarray:
    """Return `count` dates in order; from the year 1 on, for the longest series need many."""
    return np.datetime64("0001-01-01") + np.arange(count)
