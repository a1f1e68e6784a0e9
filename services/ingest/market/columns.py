"""A provider's answer as columns of exact whole numbers, so that many bars are compared and stored at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction

PRICES = ("open", "high", "low", "close")
PRICE_DECIMALS, ACTION_DECIMALS = 6, 8
PRICE_UNIT = 10**PRICE_DECIMALS
LARGEST_PRICE = 10**18  # NUMERIC(18,6), in millionths
BAR = np.dtype([("session", "<M8[D]"), *((name, "<i8") for name in (*PRICES, "volume"))])
type Bars = NDArray[np.void]
NO_BARS: Bars = np.empty(0, BAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A split (`value`: new shares for one old) or a dividend (`value`: cash per share as traded)."""

    kind: str
    ex_date: date
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesColumns:
    """What `DailySeries` says, in the form that bulk input has.

    `bars` is (n,) of dtype `BAR`: sessions strictly ascending, prices in millionths of a USD above zero, volume in
    shares. `splits` and `dividends` are None where the answer says nothing about them.

    Raises:
        ValueError: the bars break one of these rules.
    """

    symbol: str
    provider: str
    attribution: str
    bars: Bars
    splits: tuple[Action, ...] | None = None
    dividends: tuple[Action, ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bars = self.bars
        if bars.dtype != BAR or bars.ndim != 1:
            raise ValueError(f"the bars of {self.symbol} are no vector of the dtype BAR")
        if not np.all(bars["session"][1:] > bars["session"][:-1]):
            raise ValueError(f"the sessions of {self.symbol} do not ascend strictly")
        if not all(np.all((bars[name] > 0) & (bars[name] < LARGEST_PRICE)) for name in PRICES):
            raise ValueError(f"a price of {self.symbol} is not between 0 and 10^12 USD")

    @classmethod
    def of(cls, series: DailySeries) -> Self:
        """Return the columns of a series. Raises ValueError for a price with more than 6 decimals."""
        return cls(
            symbol=series.symbol,
            provider=series.provider,
            attribution=series.attribution,
            bars=bars_of(
                [(bar.session, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in series.bars]
            ),
            splits=None if series.splits is None else _actions(series.splits),
            dividends=None if series.dividends is None else _actions(series.dividends),
            notes=series.notes,
        )

    @property
    def told_actions(self) -> dict[str, tuple[Action, ...]]:
        """Return the actions by kind, without the kinds that the answer says nothing about."""
        said = {"split": self.splits, "dividend": self.dividends}
        return {kind: actions for kind, actions in said.items() if actions is not None}


def bars_of(rows: Sequence[tuple[Any, ...]]) -> Bars:
    """Return rows of session, open, high, low, close and volume as bars. Raises ValueError as `SeriesColumns.of`."""
    return np.array(
        [(session, *map(millionths, prices), volume) for session, *prices, volume in rows], BAR
    ).reshape(-1)


def millionths(price: Decimal) -> int:
    """Return a price in millionths of a USD. Raises ValueError when it is no whole number of them."""
    scaled = price * PRICE_UNIT
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"price {price} has more than {PRICE_DECIMALS} decimals")
    return whole


def price_of(number: Any) -> Decimal:
    """Return the price that a number of millionths stands for."""
    return Decimal(int(number)).scaleb(-PRICE_DECIMALS)


def text_of(value: Decimal) -> str:
    """Return a price or an amount in plain digits, without zeros at the end."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _actions(told: Sequence[SplitAction | DividendAction]) -> tuple[Action, ...]:
    return tuple(
        Action(kind="split", ex_date=item.ex_date, value=_stored(item.ratio))
        if isinstance(item, SplitAction)
        else Action(kind="dividend", ex_date=item.ex_date, value=_stored(item.amount))
        for item in told
    )


def _stored(value: Decimal) -> Decimal:
    """Return a value with the decimals that are stored: vendors print ratios such as 7.00000700001."""
    return value.quantize(Decimal(1).scaleb(-ACTION_DECIMALS), ROUND_HALF_UP)
