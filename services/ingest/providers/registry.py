"""The providers a fetch may name."""

from functools import cache

from services.ingest.providers.bundled_provider import BundledProvider
from services.ingest.providers.calls import RemoteProvider
from services.ingest.providers.domain import UnknownProvider

AUTO = "auto"  # the history plan: whoever is ready, in order
REMOTE_NAMES = ("alphavantage", "tiingo", "yfinance")  # in the order in which the plan asks them
BUNDLED = BundledProvider()


def provider_names() -> tuple[str, ...]:
    """Return what a fetch may name, ascending."""
    return tuple(sorted((AUTO, BUNDLED.name, *REMOTE_NAMES)))


def require_provider(name: str) -> None:
    """Accept what a fetch may name. Raises UnknownProvider."""
    if name not in provider_names():
        raise UnknownProvider(name=name, known=provider_names())


@cache
def remote_provider(name: str) -> RemoteProvider:
    """Return the provider called `name` that takes calls; the code of one is loaded when it is first asked for.

    Raises:
        UnknownProvider: none of that name takes calls.
    """
    if name == "alphavantage":
        from services.ingest.providers.alphavantage import AlphaVantage

        return AlphaVantage()
    if name == "tiingo":
        from services.ingest.providers.tiingo import Tiingo

        return Tiingo()
    if name == "yfinance":
        from services.ingest.providers.yahoo import Yahoo

        return Yahoo()
    raise UnknownProvider(name=name, known=REMOTE_NAMES)
