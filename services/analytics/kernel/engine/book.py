"""The state of an account between two steps: its money, and each instrument's position and order."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import inlined

# Rows of `book`, (12, m) float64, one column per instrument. Levels are mirrored for a short position (see
# `prices`) and infinite where there is none.
(
    SHARES,  # signed
    STOP,
    TRAIL,
    TARGET,
    BEST,  # the highest high since the entry, mirrored
    REFERENCE,  # the price at which the position met this session's bar
    ENTERED,  # HELD from before, or entered AT_THE_OPEN or INSIDE this bar
    LEAVING,  # 1 where the last close decided to leave at this open
    ORDER,  # side of the waiting entry order, 0 for none
    DECIDED,  # the session whose close decided the order, -1 before the first
    SPLIT_SINCE,  # product of the splits since then
    TRIGGERED,  # 1 where the stop of a stop-limit order was met
) = range(12)
HELD, AT_THE_OPEN, INSIDE = 0, 1, 2

BOOK_WIDTH: Final = 12

# Elements of `account`, (5,) float64: the cash now, the equity at the last close, rows in the table of fills,
# entries that could not pay for a share, and entries whose size could not be told.
CASH, EQUITY, FILLS, UNAFFORDABLE_ORDERS, REFUSED_ORDERS = range(5)
ACCOUNT_WIDTH: Final = 5

# Columns of the table of fills: session, instrument, signed quantity, price, commission, reason, stop.
FILL_WIDTH: Final = 7


@inlined
def open_book(book: FloatArray, account: FloatArray, capital: float) -> None:
    """Write an account that holds nothing but its capital."""
    book[:, :] = 0.0
    account[:] = 0.0
    for i in range(book.shape[1]):
        book[STOP, i], book[TRAIL, i], book[TARGET, i] = -np.inf, -np.inf, np.inf
        book[DECIDED, i], book[SPLIT_SINCE, i] = -1.0, 1.0
    account[CASH], account[EQUITY] = capital, capital


@inlined
def record(
    fills: FloatArray,
    account: FloatArray,
    t: int,
    i: int,
    quantity: float,
    price: float,
    commission: float,
    reason: int,
    stop: float,
) -> None:
    """Pay and write down one fill of signed quantity; stop is the level at an entry, NaN for none."""
    account[CASH] -= quantity * price + commission
    row = int(account[FILLS])
    fills[row, 0], fills[row, 1], fills[row, 2], fills[row, 3] = t, i, quantity, price
    fills[row, 4], fills[row, 5], fills[row, 6] = commission, reason, stop
    account[FILLS] += 1.0
