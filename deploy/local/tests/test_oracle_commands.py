"""`bellwether backtest` and `metrics` with `--stdin-json` need neither database nor settings."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.cli import app
from services.analytics.kernel.tests.synthetic import random_walk

CHECKOUT = Path(__file__).resolve().parents[3]
CURVE = {"equity": [100, 110, 99, 120], "trade_pnl": [-1, 21]}
MARKET = random_walk(5, 120)
RUN: dict[str, Any] = {
    "bars": {
        "date": [day.isoformat() for day in MARKET.sessions.tolist()],
        **{name: getattr(MARKET, name).tolist() for name in ("open", "high", "low", "close", "volume")},
    },
    "strategy": "sma_cross",
    "parameters": {"fast_window": 3, "slow_window": 9},
    "capital": 10000,
    "commission": 0.001,
    "slippage": 0.0005,
    "sizing": "all_in",
    "seed": 0,
}
# Nothing of this may be read: the first would be refused, the second cannot be reached.
UNUSABLE = {"BELLWETHER_PORT": "none", "DATABASE_URL": "postgresql:///none", "LOG_LEVEL": "loud"}


def answer(*words: str, asked: Any) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", "from deploy.local.cli import main; main()", *words],
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **UNUSABLE},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("command", "asked"), [("metrics", CURVE), ("backtest", RUN)])
def test_an_oracle_answers_one_line_and_always_the_same(command: str, asked: Any) -> None:
    first, again = (answer(command, "--stdin-json", asked=asked) for _ in range(2))

    assert first == again
    code, line, noise = first
    assert (code, noise, line.count(b"\n")) == (0, b"", 1)
    assert "total_return" in json.loads(line)["metrics"]


@pytest.mark.parametrize("command", ["metrics", "backtest"])
def test_a_bad_field_is_a_problem_on_standard_error(command: str) -> None:
    code, output, problem = answer(command, "--stdin-json", asked={"nonsense": 1})

    assert (code, output) == (1, b"")
    said = json.loads(problem)
    assert (said["type"], said["status"]) == ("/problems/validation-error", 400)
    assert "nonsense" in {row["attr"] for row in said["errors"]}


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("backtest", "FB", "--stdin-json"), "symbol"),
        (("backtest", "--stdin-json", "--capital", "5"), "capital"),
        (("metrics",), None),
    ],
)
def test_what_the_json_should_say_is_no_option(words: tuple[str, ...], field: str | None) -> None:
    done = CliRunner().invoke(app, words, input=b"{}")

    assert (done.exit_code, done.stdout) == (1, "")
    assert json.loads(done.stderr).get("field") == field


def test_the_oracles_load_no_django_of_their_own() -> None:
    code = "import sys, services.analytics.oracle.runs; sys.exit('django' in sys.modules or 'numba' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=False).returncode == 0


def test_the_example_on_the_page_works() -> None:
    page = (CHECKOUT / "docs/backtesting.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^echo .*$", page, re.MULTILINE)
    command = line.replace("bellwether", f"{sys.executable} -c 'from deploy.local.cli import main; main()'")

    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=CHECKOUT, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
