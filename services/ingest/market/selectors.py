"""Reads of the market."""

from django.db.models import QuerySet

from services.ingest.market.models import Instrument
from shared.errors import BellwetherError


class UnknownInstrument(BellwetherError):
    """Raised when no price of a symbol is stored; `fetch` names the address that gets some."""

    status, slug, title = 404, "unknown-symbol", "Unknown symbol"


def instruments() -> QuerySet[Instrument]:
    """Return all instruments by symbol."""
    return Instrument.objects.using("ingest").order_by("symbol")


def instrument_named(symbol: str) -> Instrument:
    """Return one instrument. Raises UnknownInstrument."""
    found = instruments().filter(symbol=symbol).first()
    if found is None:
        raise UnknownInstrument(
            f"No prices of {symbol} are stored. Fetch them first: POST /api/v1/fetches/.",
            fetch="/api/v1/fetches/",
        )
    return found
