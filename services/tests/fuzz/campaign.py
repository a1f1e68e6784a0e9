"""One run of schemathesis over the operations of one service."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.tests.addresses import addresses

CONFIG = Path(__file__).with_name("schemathesis.toml")
CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 900
KNOWN_SHARE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """How it went: how many requests were sent, which operations they reached, and the report on what failed.

    `accepted` are the operations that answered at least one well-formed request with what it asked for.
    """

    cases: int
    operations: set[str]
    accepted: set[str]
    passed: bool
    report: str


def campaign(
    *, service: str, url: str, known: dict[str, str], cases: int, seed: int, folder: Path
) -> Campaign:
    """Send at least `cases` requests to the operations of `service`, in as many rounds as that takes.

    `known` are values of fields, parameters and variables of addresses for which there is something to find.
    """
    paths = sorted({found.path for found in addresses(f"services.{service}.urls") if found.is_documented})
    folder.joinpath("schemathesis.toml").write_text(CONFIG.read_text() + _dictionaries(known))
    examples = max(1, cases // (2 * len(paths)))
    rounds: list[Campaign] = []
    while sum(done.cases for done in rounds) < cases and all(done.passed for done in rounds):
        arguments = ["--max-examples", str(examples), "--seed", str(seed + len(rounds))]
        arguments += [word for path in paths for word in ("--include-path", path)]
        rounds.append(_round(f"{url}/api/schema/", arguments, folder=folder))
    return Campaign(
        cases=sum(done.cases for done in rounds),
        operations=set().union(*(done.operations for done in rounds)),
        accepted=set().union(*(done.accepted for done in rounds)),
        passed=all(done.passed for done in rounds),
        report="\n".join(done.report for done in rounds if not done.passed),
    )


def _dictionaries(known: dict[str, str]) -> str:
    """Return the part of the configuration by which most requests are about something that exists."""
    lines = [f"[dictionaries.{name}]\nvalues = ['{value}']" for name, value in known.items()]
    lines.append("[parameters]")
    for name in known:
        drawn = f'{{ dictionary = "{name}", probability = {KNOWN_SHARE} }}'
        lines += [f'"{place}.{name}" = {drawn}' for place in ("path", "query", "body")]
    return "\n".join(["", *lines, ""])


def _round(schema: str, arguments: list[str], *, folder: Path) -> Campaign:
    program = Path(sys.executable).with_name("schemathesis")
    counts = folder / "counts.json"
    counts.unlink(missing_ok=True)
    options: list[str | Path] = [
        "--config-file",
        folder / "schemathesis.toml",
        "run",
        schema,
        "--report-json-path",
        counts,
    ]
    done = subprocess.run(
        [program, *options, "--no-color", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    said = done.stdout + done.stderr
    if not counts.exists():
        return Campaign(cases=0, operations=set(), accepted=set(), passed=False, report=said)
    result: dict[str, Any] = json.loads(counts.read_text())
    rates: dict[str, Any] = result["valid_rates"]
    return Campaign(
        cases=result["test_cases"]["generated"],
        operations=set(rates),
        accepted={
            name for name, phases in rates.items() if any(rate["accepted"] for rate in phases.values())
        },
        passed=done.returncode == 0 and result["complete"] and not result["errors"],
        report=said,
    )
