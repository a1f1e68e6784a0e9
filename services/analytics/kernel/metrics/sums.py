"""What the figures are made of, each taken in one pass; every loop compiles.

Sums of returns are taken about the first return: a curve that grows evenly then has a deviation of rounding
only, and no sum loses digits to the mean.
"""

from typing import NamedTuple

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.compiled import compiled


class Episode(NamedTuple):
    """One time under water, in indexes of the curve: `end` is the recovery, or the length if there is none."""

    peak: int
    trough: int
    end: int


class ReturnSums(NamedTuple):
    """Excess returns x = r - rf_p of n sessions, all 0 where equity before the last was 0 or less: ruined.

    mean           of x
    m2, m3, m4     mean((x - mean)^k), ddof 0
    downside       mean(min(x, 0)^2)
    """

    is_ruined: bool
    mean: float
    m2: float
    m3: float
    m4: float
    downside: float


class DrawdownSums(NamedTuple):
    """The drawdowns of a curve.

    depth          the smallest equity / peak - 1
    deepest        the episode of it, longest the one of the most sessions; of equal ones the first
    longest_days   calendar days of the longest episode by these, 0 without dates
    """

    depth: float
    deepest: Episode
    longest: Episode
    longest_days: int


class PairSums(NamedTuple):
    """Excess returns of a curve, x, and of its benchmark, y, ddof 1; all 0 where one of them is ruined."""

    is_ruined: bool
    mean_x: float
    mean_y: float
    covariance: float
    variance_y: float


class TradeSums(NamedTuple):
    """Results of closed trades; `risk_multiple` is the mean of pnl / initial risk, NaN if one had none."""

    wins: int
    losses: int
    won: float
    lost: float
    mean: float
    deviation: float
    mean_return: float
    risk_multiple: float


@compiled
def return_sums(equity: FloatArray, risk_free: float) -> ReturnSums:
    """Return the sums over the returns of one curve: equity (n + 1,), n >= 1, rate per session."""
    n = len(equity) - 1
    origin = equity[1] / equity[0] - 1.0
    s1 = s2 = s3 = s4 = downside = 0.0
    for t in range(1, n + 1):
        if equity[t - 1] <= 0.0:
            return ReturnSums(True, 0.0, 0.0, 0.0, 0.0, 0.0)
        r = equity[t] / equity[t - 1] - 1.0
        loss = min(r - risk_free, 0.0)
        d = r - origin
        s1 += d
        s2 += d * d
        s3 += d * d * d
        s4 += d * d * (d * d)
        downside += loss * loss
    a, m2, m3, m4 = s1 / n, s2 / n, s3 / n, s4 / n
    return ReturnSums(
        False,
        origin + a - risk_free,
        max(m2 - a * a, 0.0),
        m3 - 3.0 * a * m2 + 2.0 * a * a * a,
        m4 - 4.0 * a * m3 + 6.0 * a * a * m2 - 3.0 * a * a * (a * a),
        downside / n,
    )


@compiled
def drawdown_sums(equity: FloatArray, days: IndexArray) -> DrawdownSums:
    """Return the drawdowns of one curve: equity (n + 1,), days (n + 1,) since an epoch, or (0,) for none."""
    n = len(equity) - 1
    peak = lowest = equity[0]
    start = trough = longest_days = 0
    depth = 0.0
    deepest, longest = Episode(0, 0, 0), Episode(0, 0, 0)
    for t in range(1, n + 2):
        value = equity[t] if t <= n else np.inf  # which ends an episode that never recovered
        if value < lowest:
            lowest, trough = value, t
        elif value >= peak:
            if lowest < peak:
                episode, last = Episode(start, trough, t), min(t, n)
                if lowest / peak - 1.0 < depth:
                    depth, deepest = lowest / peak - 1.0, episode
                if last - start > min(longest.end, n) - longest.peak:
                    longest = episode
                if len(days) > 0:
                    longest_days = max(longest_days, days[last] - days[start])
            peak, lowest, start = value, value, t
    return DrawdownSums(depth, deepest, longest, longest_days)


@compiled
def pair_sums(equity: FloatArray, benchmark: FloatArray, risk_free: float) -> PairSums:
    """Return the sums over two curves (n + 1,), n >= 2."""
    n = len(equity) - 1
    x0, y0 = equity[1] / equity[0] - 1.0, benchmark[1] / benchmark[0] - 1.0
    sx = sy = sxy = syy = 0.0
    for t in range(1, n + 1):
        if equity[t - 1] <= 0.0 or benchmark[t - 1] <= 0.0:
            return PairSums(True, 0.0, 0.0, 0.0, 0.0)
        x = equity[t] / equity[t - 1] - 1.0 - x0
        y = benchmark[t] / benchmark[t - 1] - 1.0 - y0
        sx += x
        sy += y
        sxy += x * y
        syy += y * y
    mean_x, mean_y = sx / n, sy / n
    return PairSums(
        False,
        x0 + mean_x - risk_free,
        y0 + mean_y - risk_free,
        (sxy - sx * mean_y) / (n - 1),
        max(syy - sy * mean_y, 0.0) / (n - 1),
    )


@compiled
def exposure_sums(
    equity: FloatArray,
    stops: IndexArray,
    shares: FloatArray,
    closes: FloatArray,
    fill_sessions: IndexArray,
) -> tuple[int, float]:
    """Return how many sessions had a position at some time, and the sum of gross value / equity at the close.

    equity (n + 1,), closes (m, n); stops (count + 1,) and shares (m, count) as in `Simulation`; fill_sessions in
    order. The sum is NaN where an equity is 0 or less.
    """
    held, exposure, fill, is_ruined = 0, 0.0, 0, False
    for row in range(len(stops) - 1):
        first, until = stops[row], stops[row + 1]
        is_ruined |= equity[first + 1] <= 0.0
        if np.any(shares[:, row] != 0.0):
            held += until - first
            own, values, worth = shares[0, row], closes[0, first:until], equity[first + 1 : until + 1]
            for t in range(len(worth)):
                gross = abs(own * values[t])
                for i in range(1, len(closes)):
                    gross += abs(shares[i, row] * closes[i, first + t])
                exposure += gross / worth[t]
                is_ruined |= worth[t] <= 0.0
        else:
            # Left at the open, or entered and left inside one bar: no close saw it.
            while fill < len(fill_sessions) and fill_sessions[fill] < first:
                fill += 1
            held += fill < len(fill_sessions) and fill_sessions[fill] == first
    return held, (np.nan if is_ruined else exposure)


@compiled
def trade_sums(pnl: FloatArray, return_ratio: FloatArray, initial_risk: FloatArray) -> TradeSums:
    """Return the sums over m >= 1 trades, all (m,); initial_risk is NaN where a trade had no stop."""
    count = len(pnl)
    wins = losses = 0
    won = lost = total = squares = returns = multiples = 0.0
    for k in range(count):
        result = pnl[k]
        if result > 0.0:
            wins += 1
            won += result
        elif result < 0.0:
            losses += 1
            lost -= result
        total += result - pnl[0]
        squares += (result - pnl[0]) * (result - pnl[0])
        returns += return_ratio[k]
        # A stop at the very price of the entry risks nothing that a result could be measured by.
        multiples += result / initial_risk[k] if initial_risk[k] > 0.0 else np.nan
    mean = total / count
    variance = max(squares - total * mean, 0.0) / (count - 1) if count > 1 else 0.0
    return TradeSums(
        wins, losses, won, lost, pnl[0] + mean, np.sqrt(variance), returns / count, multiples / count
    )
