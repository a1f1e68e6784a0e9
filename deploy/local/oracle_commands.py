"""`bellwether backtest` and `metrics` with `--stdin-json`: the kernel alone, for whoever wants to check it."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from deploy.local import output
from deploy.local.failures import INTERRUPTED
from services.analytics.oracle.reading import MAXIMUM_BYTES
from shared.contracts.codec import dumps
from shared.errors import BellwetherError, ValidationFailed

StdinJson = Annotated[bool, typer.Option("--stdin-json", help="Read one JSON object from standard input.")]


def metrics(
    stdin_json: StdinJson = False,
    as_json: Annotated[bool, typer.Option("--json", help="As ever here.")] = False,
) -> None:
    """Measure an equity curve by metrics/1: JSON in, JSON out, no database.

    In: equity, an array of money whose first element is the opening capital; optional are benchmark, an array of the
    same length, trade_pnl, an array of the net results of closed trades, periods_per_year (252), risk_free, the annual
    rate as a fraction (0), dates, an array of YYYY-MM-DD for the figures of calendar days, and minimum_sessions (20),
    below which annual growth is undefined.

    Out: `metrics` with every figure or null, and `reasons` for each null.
    """
    from services.analytics.oracle.figures import measured

    if not stdin_json:
        refuse("Give --stdin-json and the curve on standard input; --help tells its members.")
    answer_from_stdin(measured)


def backtest_from_stdin(given: typer.Context) -> None:
    """Backtest what standard input holds; nothing else that could shape the run may be given."""
    from services.analytics.oracle.runs import backtested

    for name in given.params:
        source = given.get_parameter_source(name)
        if name not in {"stdin_json", "as_json"} and source is not None and source.name != "DEFAULT":
            refuse(f"With --stdin-json the JSON says everything: leave out {name}.", field=name)
    answer_from_stdin(backtested)


def answer_from_stdin(make: Callable[[bytes], dict[str, Any]]) -> None:
    """Write one line of JSON with sorted keys, the same bytes for the same input; a problem goes to standard error.

    No settings are read. A problem is exit code 1, an interrupt 130.
    """
    try:
        line = dumps(make(sys.stdin.buffer.read(MAXIMUM_BYTES + 1)))
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BellwetherError as error:
        output.print_problem(error, as_json=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def refuse(detail: str, **extra: Any) -> NoReturn:
    """Write a problem to standard error and leave with exit code 1."""
    output.print_problem(ValidationFailed(detail, **extra), as_json=True)
    raise SystemExit(1)
