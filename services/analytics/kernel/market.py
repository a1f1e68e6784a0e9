"""What the engine is told about one instrument: validated, read-only, on one price basis."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.errors import InvalidMarketData
from services.analytics.kernel.series import Series

# Wide enough for any listed share in any currency; keeps every product of the engine far from overflow.
MINIMUM_PRICE = 1e-9
MAXIMUM_PRICE = 1e9
MAXIMUM_VOLUME = 1e15

# The engine takes all but the last as one matrix, in this order (`engine.terms`).
COLUMNS = ("open", "high", "low", "close", "volume", "dividend", "split_ratio", "signal_close")


@dataclass(frozen=True, kw_only=True, eq=False)
class MarketData:
    """The bars and actions of one instrument, one element per session, oldest first; read-only copies.

    symbol          names the instrument in messages
    sessions        (n,) datetime64[D], strictly increasing
    open .. close   (n,) float64, the prices the engine fills and values at; low <= open, close <= high
    volume          (n,) float64, shares traded, in that session's shares; 0 where nothing was
    dividend        (n,) float64, cash per share going ex that session, in that session's shares; 0.0 = none
    split_ratio     (n,) float64, new shares per old at that session's open; 1.0 = none. On a basis whose
                    prices are already adjusted for splits it must be 1.0 throughout
    signal_close    (n,) float64, the split-adjusted close that indicators see; equals `close` on basis split
    columns         (7, n), those from open to split_ratio as one matrix
    opening_date    the session before the first bar, which dates the opening capital; where the caller does
                    not know it, the weekday before the first bar

    NaN policy: none is permitted. Raises InvalidMarketData.
    """

    symbol: str
    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    dividend: FloatArray
    split_ratio: FloatArray
    signal_close: FloatArray
    opening_date: np.datetime64 | None = None
    columns: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = {name: np.asarray(getattr(self, name), dtype=np.float64) for name in COLUMNS}
        sessions = np.array(self.sessions, dtype="datetime64[D]")
        self._check_shapes({"sessions": sessions.shape} | {name: c.shape for name, c in given.items()})
        columns = np.stack(list(given.values()))
        sessions.setflags(write=False)
        columns.setflags(write=False)
        object.__setattr__(self, "sessions", sessions)
        object.__setattr__(self, "columns", columns[:-1])
        for name, column in zip(COLUMNS, columns, strict=True):
            object.__setattr__(self, name, column)
        self._check_dates()
        self._check_values()

    def __len__(self) -> int:
        return len(self.sessions)

    @cached_property
    def series(self) -> Series:
        """Return the bars as strategies see them: adjusted for all splits, on every basis.

        The close is `signal_close`; open, high and low keep their ratio to it.
        """
        ratio = self.signal_close / self.close
        columns = {
            "open": self.open * ratio,
            "high": self.high * ratio,
            "low": self.low * ratio,
            "volume": self.volume * later_splits(self.split_ratio),
        }
        for column in columns.values():
            column.setflags(write=False)
        return Series(close=self.signal_close, **columns)

    @cached_property
    def equity_dates(self) -> DateArray:
        """Return the (n + 1,) dates of an equity curve, read-only: the opening date, then every session."""
        opening = self.opening_date
        if opening is None:
            opening = np.busday_offset(self.sessions[0], -1, roll="forward")
        dates = np.concatenate((np.array([opening], dtype="datetime64[D]"), self.sessions))
        dates.setflags(write=False)
        return dates

    def _check_shapes(self, shapes: dict[str, tuple[int, ...]]) -> None:
        if len(shapes["sessions"]) != 1 or len(set(shapes.values())) > 1:
            raise InvalidMarketData(f"{self.symbol}: the columns differ in length: {shapes}.")

    def _check_dates(self) -> None:
        unordered = np.isnat(self.sessions)
        unordered[1:] |= ~(self.sessions[1:] > self.sessions[:-1])
        if unordered.any():
            session = self.sessions[unordered.argmax()]
            raise InvalidMarketData(f"{self.symbol}: session {session} does not follow the one before it.")
        if len(self) and self.opening_date is not None and not self.opening_date < self.sessions[0]:
            raise InvalidMarketData(
                f"{self.symbol}: the opening date {self.opening_date} is not before {self.sessions[0]}."
            )

    def _check_values(self) -> None:
        for name in ("open", "high", "low", "close", "signal_close"):
            prices = getattr(self, name)
            self._refuse(
                ~((prices >= MINIMUM_PRICE) & (prices <= MAXIMUM_PRICE)), name, "is no possible price"
            )
        self._refuse(self.low > np.minimum(self.open, self.close), "low", "is above open or close")
        self._refuse(self.high < np.maximum(self.open, self.close), "high", "is below open or close")
        self._refuse(
            ~((self.dividend >= 0) & (self.dividend <= MAXIMUM_PRICE)), "dividend", "is no possible dividend"
        )
        volumes = self.volume
        self._refuse(~((volumes >= 0) & (volumes <= MAXIMUM_VOLUME)), "volume", "is no possible volume")
        ratios = self.split_ratio
        self._refuse(~((ratios >= 1e-6) & (ratios <= 1e6)), "split_ratio", "is no possible split")

    def _refuse(self, bad: np.typing.NDArray[np.bool_], name: str, problem: str) -> None:
        if bad.any():
            row = int(bad.argmax())
            value = getattr(self, name)[row]
            raise InvalidMarketData(f"{self.symbol}: {name} {value} on {self.sessions[row]} {problem}.")


def later_splits(split_ratio: FloatArray) -> FloatArray:
    """Return (n,) how many shares of the last session one share of each session has become."""
    products = np.ones_like(split_ratio)
    products[:-1] = np.cumprod(split_ratio[:0:-1])[::-1]
    return products
