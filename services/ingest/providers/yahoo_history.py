"""Ask Yahoo for one symbol's history by yfinance and write it as JSON: `python -P yahoo_history.py SYMBOL START`.

A program of its own, and nothing of ours in it: yfinance remembers bad answers for the life of its process, keeps
global settings and databases, brings pandas along, and does not bound the time that it takes.
"""

import json
import math
import sys
import tempfile
import warnings
from importlib import import_module
from typing import Any

TIMEOUT_SECONDS = 8
_COLUMNS = {
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "dividend": "Dividends",
    "split_ratio": "Stock Splits",
}


def history(symbol: str, start: str, *, cache_folder: str) -> dict[str, Any]:
    """Return the `outcome` (data, limited, unknown or failed) with its `detail`, or the rows up to today.

    Prices are divided by all later splits and not by dividends. An empty frame is never data: it is also what the
    library makes of pages it cannot read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library has not caught up with pandas 3
        yfinance = import_module("yfinance")
        _prepare(yfinance, symbol, cache_folder)
        try:
            ticker = yfinance.Ticker(symbol)
            frame = ticker.history(
                start=start, interval="1d", auto_adjust=False, actions=True, timeout=TIMEOUT_SECONDS
            )
            about = ticker.get_history_metadata()
        except yfinance.exceptions.YFRateLimitError as error:
            return {"outcome": "limited", "detail": str(error)}
        except yfinance.exceptions.YFPricesMissingError as error:
            # Without a reason of Yahoo's own the answer was null, or something else than an answer.
            is_known = error.yahoo_reason is not None
            return {"outcome": "unknown" if is_known else "failed", "detail": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever the library raises is the answer
            return {"outcome": "failed", "detail": f"yfinance failed with {type(error).__name__}"}
        if frame.empty:
            return {"outcome": "failed", "detail": "yfinance gave no rows and no reason"}
        rows = [_row(day, values) for day, values in zip(frame.index, frame.to_dict("records"), strict=True)]
    about = {name: str(about.get(name)) for name in ("symbol", "currency")}
    return {"outcome": "data", **about, "rows": rows}


def _prepare(yfinance: Any, symbol: str, cache_folder: str) -> None:
    yfinance.config.debug.hide_exceptions = False
    yfinance.cache.set_cache_location(cache_folder)
    # Told beforehand, so that it is not asked of Yahoo by calls that nobody counts; all our sessions are XNYS's.
    yfinance.cache.get_tz_cache().store(symbol, "America/New_York")


def _row(day: Any, values: dict[str, Any]) -> dict[str, str | None]:
    numbers = {name: _text(values[column]) for name, column in _COLUMNS.items()}
    return {"date": str(day.date()), **numbers, "volume": str(int(values["Volume"]))}


def _text(value: float) -> str | None:
    return f"{value:.6f}" if math.isfinite(value) else None


def main() -> None:
    """Write the answer for the symbol and the first day on the command line."""
    symbol, start = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        json.dump(history(symbol, start, cache_folder=folder), sys.stdout)


if __name__ == "__main__":
    main()
