"""The prices that runs are made on, and those of the index that they are measured against."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final

import numpy as np

from services.analytics.backtests.domain import Inputs, Options, inputs_for, market_of
from services.analytics.kernel.arrays import DateArray
from services.analytics.kernel.market import MarketData
from shared.errors import InsufficientHistory
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.calendar import session_before
from shared.pricing.history import after_last_hole
from shared.pricing.reader import latest_version, latest_versions, load_history

# What an index of the American market is stored as, in the order of preference: funds that follow the S&P 500,
# one of the whole market, and the index itself, which pays no dividends and so is a lower bar.
INDEX_SYMBOLS: Final = ("SPY", "VOO", "IVV", "VTI", "SPX", "GSPC")


def newest_inputs(*, symbol: str, options: Mapping[str, Any], **asked: Any) -> Inputs:
    """Return the inputs of a run on the newest prices of a symbol and of its index.

    `options` are those of `Options`; without `benchmark` the index is the first of INDEX_SYMBOLS that is stored for
    all sessions of the run, none if there is none. `asked` is what `inputs_for` takes.

    Raises what that raises, RenamedSymbol, and NoPrices for a symbol or an index of which none are stored.
    """
    chosen = dict(options)
    named = chosen.get("benchmark")
    version = None if named is None else latest_version("analytics", named)
    inputs = inputs_for(
        symbol=symbol,
        data_version=latest_version("analytics", symbol),
        options=Options(**chosen, benchmark_version=version),
        **asked,
    )
    return inputs if "benchmark" in chosen else _with_stored_index(inputs)


def renewed(inputs: Inputs) -> Inputs:
    """Return the inputs on the newest prices of their symbol and of their index. Raises NoPrices and RenamedSymbol."""
    options = inputs.options
    if options.benchmark is not None:
        newest = latest_version("analytics", options.benchmark)
        options = replace(options, benchmark_version=newest)
    return replace(inputs, data_version=latest_version("analytics", inputs.symbol), options=options)


def prices_of(inputs: Inputs) -> AdjustedBars:
    """Return the prices that a run is made on: of its range the part after the last hole. Raises NoPrices."""
    history = load_history(
        "analytics", inputs.symbol, version=inputs.data_version, start=inputs.start, end=inputs.end
    )
    return adjust(after_last_hole(history), Basis(inputs.basis))


def index_market_of(inputs: Inputs, sessions: DateArray) -> MarketData | None:
    """Return the index of a run over its daily sessions (n,), n >= 1, as the kernel takes it; None where it has none.

    Its prices contain its dividends, whatever the basis of the run. Raises NoPrices, and InsufficientHistory where a
    session has no price.
    """
    options = inputs.options
    if options.benchmark is None:
        return None
    first: date = sessions[0].item()
    history = load_history(
        "analytics",
        options.benchmark,
        version=options.benchmark_version,
        start=first,
        end=sessions[-1].item(),
    )
    bars = adjust(history, Basis.TOTAL_RETURN)
    is_wanted = np.isin(bars.sessions, sessions)
    if (present := int(is_wanted.sum())) < len(sessions):
        raise InsufficientHistory(
            symbol=options.benchmark, needed_sessions=len(sessions), present_sessions=present
        )
    columns = {
        field.name: getattr(bars, field.name)[is_wanted]
        for field in fields(bars)
        if isinstance(getattr(bars, field.name), np.ndarray)
    }
    return market_of(inputs, replace(bars, **columns), opening_date=session_before("analytics", first))


def _with_stored_index(inputs: Inputs) -> Inputs:
    stored = latest_versions("analytics", [name for name in INDEX_SYMBOLS if name != inputs.symbol])
    if not stored or not len(sessions := prices_of(inputs).sessions):
        return inputs
    for name in sorted(stored, key=INDEX_SYMBOLS.index):
        options = replace(inputs.options, benchmark=name, benchmark_version=stored[name])
        measured = replace(inputs, options=options)
        try:
            index_market_of(measured, sessions)
        except InsufficientHistory:
            continue
        return measured
    return inputs
