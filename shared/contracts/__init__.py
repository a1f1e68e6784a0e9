"""The events that services exchange: pure data, no Django."""

from shared.contracts import conclusions, market_data, prices, reports, sweeps

__all__ = ["conclusions", "market_data", "prices", "reports", "sweeps"]
