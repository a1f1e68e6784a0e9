"""A second, independent backtest of `moving_average_dip`, on plain lists with the standard library only.

It shares neither code nor structure with the kernel: one walk through the days, every average summed anew,
every figure by its textbook formula. Tests compare the kernel's numbers with these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, fsum, sqrt
from statistics import fmean, stdev

TRADING_DAYS = 252
# Two numbers this close are one number that was rounded twice.
SAME = 1e-12


@dataclass(frozen=True, kw_only=True)
class IndependentResult:
    """Figures of one run; `trade_count` counts positions entered and left, ratios are fractions."""

    final_equity: float
    trade_count: int
    total_return: float
    max_drawdown: float
    sharpe: float | None


def backtest_moving_average_dip(
    *,
    opens: Sequence[float],
    closes: Sequence[float],
    dividends: Sequence[float],
    initial_capital: float = 10_000.0,
    commission_bps: float = 10.0,
    slippage_bps: float = 5.0,
    buy_window: int = 50,
    sell_window: int = 200,
) -> IndependentResult:
    """Walk through split-adjusted days, oldest first, in whole shares, and return the figures.

    Today's close decides, tomorrow's open fills. Dividends are per share and become cash.
    """
    fee, slip = commission_bps / 10_000, slippage_bps / 10_000
    money, shares, trade_count, wish = initial_capital, 0, 0, "nothing"
    wealth = [initial_capital]
    for day, (open_price, close_price) in enumerate(zip(opens, closes, strict=True)):
        money += shares * dividends[day]
        if wish == "buy" and shares == 0:
            price = open_price * (1 + slip)
            shares = floor(money / (price + price * fee) + SAME)
            money -= shares * price + shares * price * fee
        elif wish == "sell" and shares > 0:
            price = open_price * (1 - slip)
            money += shares * price - shares * price * fee
            shares, trade_count = 0, trade_count + 1
        wealth.append(money + shares * close_price)
        wish = _wish(closes[: day + 1], buy_window, sell_window)
    return IndependentResult(
        final_equity=wealth[-1],
        trade_count=trade_count,
        total_return=(wealth[-1] - initial_capital) / initial_capital,
        max_drawdown=_worst_fall(wealth),
        sharpe=_sharpe(wealth),
    )


def _wish(closes: Sequence[float], buy_window: int, sell_window: int) -> str:
    if len(closes) < sell_window:
        return "nothing"
    today = closes[-1]
    long_average = fsum(closes[-sell_window:]) / sell_window
    short_average = fsum(closes[-buy_window:]) / buy_window
    if today - long_average > SAME * today:
        return "sell"
    return "buy" if short_average - today > SAME * today else "nothing"


def _worst_fall(wealth: Sequence[float]) -> float:
    peak, worst = wealth[0], 0.0
    for value in wealth:
        peak = max(peak, value)
        worst = min(worst, (value - peak) / peak)
    return worst


def _sharpe(wealth: Sequence[float]) -> float | None:
    daily = [later / earlier - 1 for earlier, later in pairwise(wealth)]
    if len(set(daily)) < 2:
        return None
    return fmean(daily) / stdev(daily) * sqrt(TRADING_DAYS)
