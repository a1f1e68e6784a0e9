"""Reads of the market."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from services.ingest.market.models import Bar, Instrument
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.reader import NoPrices, load_history

PRICES = ("open", "high", "low", "close")


def instruments() -> QuerySet[Instrument]:
    """Return all instruments by symbol."""
    return Instrument.objects.using("ingest").order_by("symbol")


def instrument_named(symbol: str) -> Instrument:
    """Return one instrument. Raises NoPrices."""
    found = instruments().filter(symbol=symbol).first()
    if found is None:
        raise NoPrices.of(symbol)
    return found


def instrument_at(symbol: str, version: int | None = None) -> Instrument:
    """Return one instrument with the `version` that is asked for (None: the last). Raises NoPrices."""
    found = instrument_named(symbol)
    if version is not None and version > found.version:
        raise NoPrices(f"{symbol} has versions 1 to {found.version}, not {version}.")
    found.version = version or found.version
    return found


def bars_for(symbol: str, *, basis: Basis, version: int) -> AdjustedBars:
    """Return all bars as known at `version`, in terms of that version's last session. Raises NoPrices.

    So the price of a session does not depend on the range it is asked in.
    """
    return adjust(load_history("ingest", symbol, version=version), basis)


def stored_prices(symbol: str, *, version: int, sessions: Sequence[date]) -> dict[str, Sequence[Decimal]]:
    """Return open, high, low and close of ascending `sessions` as they were stored, digit by digit."""
    if not sessions:
        return dict.fromkeys(PRICES, ())
    known = Q(version__lte=version) & (Q(superseded_version=None) | Q(superseded_version__gt=version))
    rows = Bar.objects.using("ingest").filter(
        known, symbol=symbol, session__range=(sessions[0], sessions[-1])
    )
    columns = zip(*rows.order_by("session").values_list(*PRICES), strict=True)
    return dict(zip(PRICES, columns, strict=True))
