"""Writes `docs/reference.md`: settings, commands, routes, metrics and strategies as the code has them.

Run as `python -m deploy.local.reference`; a test holds the committed file to it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[2] / "docs/reference.md"


def reference_text() -> str:
    """Return the whole page. Django must be loaded."""
    sections = (
        ("Settings", "Environment variables; each may be given as a file in `NAME_FILE`.", _settings()),
        ("Commands", "Each takes `--json`; `bellwether COMMAND --help` lists its options.", _commands()),
        ("Routes", "All but health and schema need `Authorization: Token ...`.", _routes()),
        (
            "Metrics",
            "Definitions `metrics/1`; a figure that is undefined is `null` with a reason.",
            _metrics(),
        ),
        ("Strategies", "Names and parameters for `POST /api/v1/backtests/`.", _strategies()),
    )
    lines = ["# Reference", "", "Made from the code by `python -m deploy.local.reference`; do not edit.", ""]
    for title, intro, table in sections:
        lines += [f"## {title}", "", intro, "", *table, ""]
    return "\n".join(lines)


def _settings() -> list[str]:
    from shared.settings.env import VARIABLES

    rows = (
        (f"`{item.name}`", f"`{item.default}`" if item.default else "", item.expected, item.help)
        for item in VARIABLES
    )
    return _table(("variable", "default", "should be", "what for"), rows)


def _commands() -> list[str]:
    import typer.main

    from deploy.local.cli import app

    group: Any = typer.main.get_command(app)
    return _table(("command", "what it does"), _commands_of(group, "bellwether"))


def _commands_of(group: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands_of(command, f"{prefix} {name}")
        else:
            yield f"`{prefix} {name}`", (command.help or "").splitlines()[0]


def _routes() -> list[str]:
    from drf_spectacular.settings import spectacular_settings

    schema = spectacular_settings.DEFAULT_GENERATOR_CLASS().get_schema(request=None, public=True)
    rows = (
        (method.upper(), f"`{path}`", operation.get("summary") or operation["description"].splitlines()[0])
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    )
    return _table(("method", "path", "what it does"), rows)


def _metrics() -> list[str]:
    from services.analytics.kernel.metrics import DEFINITIONS

    rows = (
        (f"`{item.name}`", item.label, item.unit.value, item.formula.replace("|", "\\|"))
        for item in DEFINITIONS
    )
    return _table(("name", "label", "unit", "formula"), rows)


def _strategies() -> list[str]:
    from services.analytics.kernel.strategies.registry import STRATEGIES

    rows = (
        (
            f"`{rule.name}` v{rule.version}",
            rule.summary,
            "; ".join(
                f"`{item['name']}` {item['minimum']} to {item['maximum']}, default {item['default']}"
                for item in rule.described_parameters()
            ),
        )
        for rule in STRATEGIES.values()
    )
    return _table(("strategy", "what it does", "parameters"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the page."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
    os.environ.setdefault("SECRET_KEY", "only-to-load-the-settings-" + "0" * 32)
    django.setup()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(reference_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
