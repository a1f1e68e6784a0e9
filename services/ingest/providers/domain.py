"""What a provider of daily prices answers, the protocol it follows and the ways a request may fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from shared.errors import BellwetherError
from shared.symbols import printable

LISTED_ERRORS = 1_000


class UnknownSymbol(BellwetherError):
    """Raised when a provider with a known catalogue has no such symbol."""

    status, slug, title = 404, "unknown-symbol", "Unknown symbol"

    def __init__(self, *, symbol: str, provider: str, known: tuple[str, ...], advice: str = "") -> None:
        super().__init__(
            f"Provider {provider} has no symbol {symbol}; it knows {', '.join(known)}.{advice}",
            symbol=symbol,
            known_symbols=list(known),
        )


class UnknownProvider(BellwetherError):
    """Raised when a fetch names a provider that does not exist."""

    status, slug, title = 400, "unknown-provider", "Unknown provider"

    def __init__(self, *, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no provider {printable(name)}; known are {', '.join(known)}.",
            known_providers=list(known),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that was refused: its line in the file (1 is the header; in JSON its position), why, and its text, escaped."""

    line: int
    reason: str
    text: str


class UnknownForm(BellwetherError):
    """Raised when a form of file is named that does not exist."""

    status, slug, title = 400, "unknown-form", "Unknown form of file"

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no form {printable(name)}; known are {', '.join(known)}.", known_forms=list(known)
        )


class UnclearForm(BellwetherError):
    """Raised when a file has no known form, or may have several whose prices mean different things."""

    status, slug, title = 400, "unclear-form", "The form of the file is not clear"


class SymbolUnclear(BellwetherError):
    """Raised when nobody says whose prices are in a file, or the file says another symbol than was asked."""

    status, slug, title = 400, "symbol-unclear", "Whose prices these are is not clear"


class SplitsUnclear(BellwetherError):
    """Raised when prices of a file were divided by later splits and it is not clear by which."""

    status, slug, title = 400, "splits-unclear", "The splits are not clear"


class ImportRejected(BellwetherError):
    """Raised when a file has rows that cannot be true; nothing of it is imported. Lists at most 1,000."""

    status, slug, title = 400, "import-rejected", "The file was not imported"

    def __init__(self, rejected: Sequence[RejectedRow], *, counted_in: str = "line") -> None:
        self.rejected = tuple(rejected[:LISTED_ERRORS])
        self.total = len(rejected)
        first = self.rejected[0]
        named = f"{counted_in} {first.line}: {first.reason}."
        several = f"{self.total} bad rows, nothing was imported; the first is {named}"
        super().__init__(
            several if self.total > 1 else f"Nothing was imported; {named}",
            errors=[{"line": row.line, "reason": row.reason, "text": row.text} for row in self.rejected],
            total_errors=self.total,
            counted_in=counted_in,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One session as traded: prices in USD with at most 6 decimals, `volume` in shares."""

    session: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitAction:
    """`ratio` new shares for one old, from the open of `ex_date`, as the provider states it."""

    ex_date: date
    ratio: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DividendAction:
    """Cash per share as traded on `ex_date`."""

    ex_date: date
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySeries:
    """A provider's whole answer for one symbol, bars and actions ascending.

    `splits` and `dividends`: None says nothing about such actions, () says that there are none.
    An answer may have actions and no bars. `rejected` lists rows the source holds but which cannot be true, and
    `provisional_session` is one that was left out because it was not over; `notes` are known faults of the source.
    `is_cut_short` when the source has older sessions that it did not give.
    """

    symbol: str
    provider: str
    attribution: str
    bars: tuple[Bar, ...]
    splits: tuple[SplitAction, ...] | None
    dividends: tuple[DividendAction, ...] | None
    rejected: tuple[RejectedRow, ...] = ()
    notes: tuple[str, ...] = ()
    provisional_session: date | None = None
    is_cut_short: bool = False


class Provider(Protocol):
    """A source of daily prices as traded."""

    @property
    def name(self) -> str:
        """The stable word that requests, bars and events carry."""

    @property
    def attribution(self) -> str:
        """Where the data comes from and under which terms."""

    def symbols(self) -> tuple[str, ...] | None:
        """Return the known catalogue, ascending, or None when only the vendor knows it."""

    def fetch(self, symbol: str, start: date | None, end: date | None) -> DailySeries:
        """Return what is known from `start` to `end`, both included; None leaves that end open.

        Raises:
            UnknownSymbol: the catalogue lacks the symbol.
        """
