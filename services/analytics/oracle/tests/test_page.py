"""docs/backtesting.md, and the strategy that the README shows, are held to the code."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from services.analytics.kernel import strategies
from services.analytics.kernel.backtest import run
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.orders import Sizing
from services.analytics.kernel.strategies.registry import found_strategies
from services.analytics.kernel.tests.synthetic import random_walk
from services.analytics.kernel.truth.examination import examine
from services.analytics.oracle import figures, runs

CHECKOUT = Path(__file__).resolve().parents[4]
PAGE = (CHECKOUT / "docs/backtesting.md").read_text(encoding="utf-8")
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
FILE = README.split("<!-- strategy: a test runs this -->\n```python\n")[1].split("```")[0]


def test_the_page_is_short_and_links_to_what_there_is() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)

    assert len(PAGE.splitlines()) <= 130
    assert links
    assert [link for link in links if "://" not in link and not (CHECKOUT / "docs" / link).exists()] == []


def test_the_page_names_every_member_and_every_kind_of_size() -> None:
    known = {*figures._KNOWN, *runs._KNOWN, *runs._COLUMNS, *runs._ACTIONS, *Sizing}

    assert {name for name in known if f"`{name}`" not in PAGE} == set()


def test_the_strategy_in_the_readme_is_one_file_of_15_lines_that_is_found_and_honest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trend.py").write_text(FILE)
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    module = f"{strategies.__name__}.trend"

    try:
        found = found_strategies()["trend"]
    finally:
        sys.modules.pop(module, None)
        importlib.invalidate_caches()

    assert sum(1 for line in FILE.splitlines() if line) <= 15
    market, parameters = random_walk(1, 200), found.parse({"window": 20})
    result = run(
        market,
        found,
        parameters,
        initial_capital=10_000.0,
        costs=Costs(commission_bps=10.0, slippage_bps=5.0),
    )
    assert result.simulation.trades
    examined = examine(
        found,
        market.series,
        parameters,
        result.simulation.equity,
        year=result.year,
        generator=np.random.default_rng(0),
        paths=100,
    )
    assert examined.lookahead.passed
    assert examined.warm_up.passed
