"""Alpha Vantage: what is asked of it, what it says instead of data, and how its answers are read."""

from services.ingest.providers.alphavantage.provider import AlphaVantage

__all__ = ["AlphaVantage"]
