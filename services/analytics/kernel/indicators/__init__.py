"""Indicators over a series: element t knows the elements 0 .. t only, and is NaN while it knows too few.

They agree with TA-Lib to 1e-9 (its tests stand beside ours); where one differs, its docstring says so.
"""

from services.analytics.kernel.indicators.averages import ema, macd, sma
from services.analytics.kernel.indicators.bands import Bands, bollinger, standard_deviation
from services.analytics.kernel.indicators.comparison import (
    EQUALITY_TOLERANCE_RATIO,
    compared,
    cross_signals,
    crossed,
)
from services.analytics.kernel.indicators.extremes import highest, lowest, smaller_before
from services.analytics.kernel.indicators.wilder import atr, rsi, true_range

__all__ = [
    "EQUALITY_TOLERANCE_RATIO",
    "Bands",
    "atr",
    "bollinger",
    "compared",
    "cross_signals",
    "crossed",
    "ema",
    "highest",
    "lowest",
    "macd",
    "rsi",
    "sma",
    "smaller_before",
    "standard_deviation",
    "true_range",
]
