"""`bellwether backtest` and `strategies`: every option of the API, and what people read."""

import inspect
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local import output, run_output
from deploy.local.backtest_commands import _options, backtest
from deploy.local.cli import app
from deploy.local.terminal import Terminal
from services.analytics.backtests.api import RunOptions
from services.analytics.backtests.domain import Options
from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.runs.tests.sample import sample_options, sample_truth

METRICS = [
    {"name": "total_return", "label": "Total return", "unit": "ratio", "value": 0.0458},
    {"name": "win_rate", "label": "Winning trades", "unit": "ratio", "value": None},
]


def run(**changed: Any) -> dict[str, Any]:
    return {
        "symbol": "DEMO",
        "strategy": "sma_cross",
        "first_session": "2004-01-02",
        "last_session": "2018-03-27",
        "session_count": 3581,
        "parameters": {"fast_window": 20, "slow_window": 50},
        "initial_capital": "10000.00",
        "commission_bps": "10.00",
        "slippage_bps": "5.00",
        "basis": "split",
        "metrics_version": "metrics/1",
        "options": sample_options(),
        "metrics": METRICS,
        "benchmark_metrics": METRICS,
        "index_metrics": None,
        "truth": sample_truth(),
        "outdated_by_version": None,
        **changed,
    }


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Give what is written to a terminal of 80 columns."""
    text = io.StringIO()
    terminal = Terminal(file=text, width=80, highlight=False)
    for module in (output, run_output):
        monkeypatch.setattr(module, "answers", terminal)
    return text


def test_the_command_takes_every_option_of_the_api() -> None:
    taken = set(inspect.signature(backtest).parameters)

    assert {*RunOptions().fields} - taken == set()


def test_what_is_given_becomes_the_options_of_the_run() -> None:
    defaults = {name: parameter.default for name, parameter in inspect.signature(backtest).parameters.items()}
    given = {"size": "0.02", "sizing": "risk_per_stop", "stop_loss_ratio": "0.1", "whole_shares": False}

    assert Options(**_options(defaults)) == Options()
    assert "benchmark" not in _options(defaults)
    assert Options(**_options(defaults | given)) == Options(
        size=Decimal("0.02"), sizing="risk_per_stop", stop_loss_ratio=Decimal("0.1"), whole_shares=False
    )
    assert [_options(defaults | {"benchmark": name})["benchmark"] for name in ("none", "spy")] == [
        None,
        "SPY",
    ]


def test_a_run_says_first_whether_it_is_luck_and_fits_into_80_columns(shown: io.StringIO) -> None:
    run_output.print_run(run())

    lines = shown.getvalue().splitlines()
    assert lines[0] == "DEMO · sma_cross · 2004-01-02 to 2018-03-27, 3,581 bars"
    assert lines[1].startswith(
        "Not distinguishable from luck: without any edge, returns as good come in 30.3%"
    )
    assert max(map(len, lines)) <= 80
    text = " ".join(shown.getvalue().split())
    assert "! Deflated Sharpe ratio 61.2% after 45 trials" in text
    assert "Stops" not in text


def test_options_an_index_and_corrected_prices_are_told(shown: io.StringIO) -> None:
    options = sample_options(benchmark="SPY", benchmark_version=1, trailing_ratio="0.1000")

    run_output.print_run(run(options=options, index_metrics=METRICS, outdated_by_version=2))

    text = " ".join(shown.getvalue().split())
    assert "┃ Metric ┃ Strategy ┃ Buy and hold ┃ SPY ┃" in text
    assert "Stops trailing stop 10% below the best high" in text
    assert "Outdated: its prices were corrected since, by version 2." in text


def test_a_run_without_tests_is_shown(shown: io.StringIO) -> None:
    run_output.print_run(run(truth=None))

    assert "Not tested for luck." in shown.getvalue()
    assert "What the result is worth" not in shown.getvalue()


def test_strategies_are_listed_with_defaults_and_ranges(shown: io.StringIO) -> None:
    done = CliRunner().invoke(app, ["strategies"])
    told = json.loads(CliRunner().invoke(app, ["strategies", "--json"]).stdout)

    assert done.exit_code == 0
    text = " ".join(shown.getvalue().split())
    assert "slow_window 50 2 to 1,000 Sessions in the average that it crosses." in text
    assert told == {"results": [rule.described() for rule in STRATEGIES.values()]}
