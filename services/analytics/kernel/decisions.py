"""What a strategy decides at each close: a signal, and the prices that bound the order and the position."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray, SignalArray

BUY: Final = 1
SELL: Final = -1
SHORT: Final = -2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """One element per session, decided at its close; prices in those of the `Series`; read-only.

    signal       (n,) int8: BUY enters long (leaving a short first), SELL leaves whatever is held, SHORT leaves
                 a long and enters short, and is SELL where shorting is not allowed; 0 decides nothing

    The others are (n,) float64, NaN where there is none, or None where there never is one:

    limit        the worst price of the entry that this close decides
    stop         the price that triggers that entry. Neither is a market order, both a stop-limit order
    stop_loss    where the position that this close enters is left at a loss, and take_profit at a gain: the
                 element of the close that decided the entry holds until the exit, all others say nothing
    trailing     distance of a stop that follows: from the fill price at first, by the element of the close
                 that decided the entry; then at each close t from the highest high since the entry, by
                 element t (for shorts the lowest low), and never back

    Raises ValueError where a column has another length, or a signal is none of these.
    """

    signal: SignalArray
    limit: FloatArray | None = None
    stop: FloatArray | None = None
    stop_loss: FloatArray | None = None
    take_profit: FloatArray | None = None
    trailing: FloatArray | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if given is None:
                continue
            dtype = np.int8 if field.name == "signal" else np.float64
            column = np.ascontiguousarray(given, dtype=dtype).view()
            if column.ndim != 1 or len(column) != len(self.signal):
                raise ValueError(f"{field.name} has shape {column.shape}, not ({len(self.signal)},)")
            column.setflags(write=False)
            object.__setattr__(self, field.name, column)
        if len(self.signal) and not (self.signal.min() >= SHORT and self.signal.max() <= BUY):
            raise ValueError(f"a signal is {BUY}, {SELL}, {SHORT} or 0")

    def __len__(self) -> int:
        return len(self.signal)

    @property
    def has_levels(self) -> bool:
        """Return whether any order or position is bound by a price."""
        return any(getattr(self, field.name) is not None for field in fields(self)[1:])
