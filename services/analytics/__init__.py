"""Conclusions: strategies, backtests, forecasts and what they are worth."""
