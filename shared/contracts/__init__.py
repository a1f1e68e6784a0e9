"""The events that services exchange: pure data, no Django."""

from shared.contracts import conclusions, prices, reports

__all__ = ["conclusions", "prices", "reports"]
