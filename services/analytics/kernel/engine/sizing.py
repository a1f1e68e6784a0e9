"""How many shares an entry takes, and what an entry and an exit cost."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math
from typing import Final

import numpy as np

from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.engine.prices import (
    commission_of,
    not_beyond,
    participation_of,
    price_after_costs,
)
from services.analytics.kernel.engine.terms import (
    FIXED_CASH,
    FIXED_SHARES,
    PERCENT_OF_EQUITY,
    RISK_PER_STOP,
    VOLATILITY_TARGET,
    Terms,
)

# What became of an entry order that met the bar.
FILLED: Final = 0
UNAFFORDABLE: Final = 1
REFUSED: Final = 2
WAITING: Final = 3

# Keeps an order that is affordable to the cent from losing a whole share to the rounding of a division.
WHOLE_SHARE_TOLERANCE: Final = 1e-12
# Newton's method on the cubic below loses a third of its distance each time at worst, then converges at once.
LARGEST_NUMBER_OF_STEPS: Final = 100


@inlined
def entry_fill(
    side: int,
    price: float,
    limit: float,
    volume: float,
    free_cash: float,
    equity: float,
    risk_per_share: float,
    volatility: float,
    terms: Terms,
) -> tuple[float, float, float, int]:
    """Return signed quantity, price after costs and commission of an entry, and what became of it.

    price is that of the bar, limit NaN for none. Only a quantity of FILLED is not 0.
    """
    money, most_shares = wanted(free_cash, equity, risk_per_share, volatility, terms)
    if math.isnan(money):
        return 0.0, 0.0, 0.0, REFUSED
    first_price = not_beyond(limit, price_after_costs(price, side, 0.0, terms), side)
    quantity = min(most_shares, affordable(side, price, first_price, money, volume, terms))
    outcome = UNAFFORDABLE
    if volume * terms.volume_limit < quantity:
        quantity, outcome = volume * terms.volume_limit, WAITING
    if terms.whole_shares:
        quantity = np.floor(quantity * (1.0 + WHOLE_SHARE_TOLERANCE))
    if not quantity > 0.0:
        return 0.0, 0.0, 0.0, outcome
    paid = price_after_costs(price, side, participation_of(quantity, volume), terms)
    paid = not_beyond(limit, paid, side)
    return side * quantity, paid, commission_of(quantity, paid, terms), FILLED


@inlined
def wanted(
    free_cash: float, equity: float, risk_per_share: float, volatility: float, terms: Terms
) -> tuple[float, float]:
    """Return the money to spend at most, NaN where the sizing cannot tell, and the shares to take at most."""
    if terms.sizing == FIXED_CASH:
        return min(free_cash, terms.size), np.inf
    if terms.sizing == FIXED_SHARES:
        return free_cash, terms.size
    if terms.sizing == PERCENT_OF_EQUITY:
        return min(free_cash, equity * terms.size), np.inf
    if terms.sizing == RISK_PER_STOP:
        is_known = 0.0 < risk_per_share < np.inf
        return (free_cash, equity * terms.size / risk_per_share) if is_known else (np.nan, 0.0)
    if terms.sizing == VOLATILITY_TARGET:
        is_known = volatility > 0.0
        return (min(free_cash, equity * terms.size / volatility) if is_known else np.nan), np.inf
    return free_cash, np.inf


@inlined
def exit_fill(shares: float, price: float, target: float, volume: float, terms: Terms) -> tuple[float, float]:
    """Return price after costs and commission of leaving all shares; target NaN where it is no limit order."""
    side = -1 if shares > 0.0 else 1
    quantity = abs(shares)
    got = price_after_costs(price, side, participation_of(quantity, volume), terms)
    got = not_beyond(target, got, side)
    return got, commission_of(quantity, got, terms)


@inlined
def affordable(
    side: int, price: float, first_price: float, money: float, volume: float, terms: Terms
) -> float:
    """Return how many shares the money pays with all costs; first_price is that of the first share."""
    available = money - terms.commission_per_order
    first_cost = first_price * (1.0 + terms.commission_ratio) + terms.commission_per_share
    quantity = max(0.0, available / first_cost)
    if terms.impact == 0.0 or side < 0 or quantity == 0.0:
        return quantity
    steepest = price * terms.impact * (1.0 + terms.commission_ratio)
    if quantity >= volume and available / (first_cost + steepest) >= volume:
        return available / (first_cost + steepest)
    # first_cost * q + steepest / volume^2 * q^3 = available, from above, where Newton's method never overshoots.
    quantity = min(quantity, volume)
    cubic = steepest / (volume * volume)
    for _ in range(LARGEST_NUMBER_OF_STEPS):
        slope = first_cost + 3.0 * cubic * quantity * quantity
        closer = (
            quantity - (first_cost * quantity + cubic * quantity * quantity * quantity - available) / slope
        )
        if not closer < quantity:
            break
        quantity = closer
    return quantity
