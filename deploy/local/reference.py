"""Writes `docs/reference.md`: settings, commands, routes, metrics and strategies as the code has them.

And the OpenAPI document that every service publishes, `.env.example` and the settings in the README. Run as
`python -m deploy.local.reference`; tests hold the
committed files to it.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deploy.local.checkout import CHECKOUT
from deploy.local.settings_text import env_example_text, setting_rows, with_readme_block

TARGET = CHECKOUT / "docs/reference.md"


def reference_text() -> str:
    """Return the whole page. Django must be loaded."""
    sections = (
        ("Settings", "Environment variables; each may be given as a file in `NAME_FILE`.", _settings()),
        (
            "Commands",
            "All of `bellwether` take `--json`, and `--help` lists the options. `manage.py` has Django's others too.",
            _commands(),
        ),
        ("Routes", "All but health, schema and logging in need `Authorization: Token ...`.", _routes()),
        (
            "Metrics",
            "Definitions `metrics/1`; a figure that is undefined is `null` with a reason.",
            _metrics(),
        ),
        (
            "Prometheus",
            "What `GET /metrics` tells (docs/reliability.md); a histogram has `_bucket`, `_sum` and `_count`.",
            _prometheus(),
        ),
        ("Strategies", "Names and parameters for `POST /api/v1/backtests/`.", _strategies()),
    )
    lines = ["# Reference", "", "Made from the code by `python -m deploy.local.reference`; do not edit.", ""]
    for title, intro, table in sections:
        lines += [f"## {title}", "", intro, "", *table, ""]
    return "\n".join(lines)


def _settings() -> list[str]:
    return _table(("variable", "default", "should be", "what for"), setting_rows())


def _commands() -> list[str]:
    import typer.main

    from deploy.local.cli import app

    group: Any = typer.main.get_command(app)
    rows = (*_commands_of(group, "bellwether"), *_manage_commands())
    return _table(("command", "what it does"), rows)


def _commands_of(group: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands_of(command, f"{prefix} {name}")
        else:
            yield f"`{prefix} {name}`", (command.help or "").splitlines()[0]


def _manage_commands() -> Iterator[tuple[str, str]]:
    """Give our commands of `manage.py`, and Django's where ours stand over them."""
    from django.core.management import get_commands, load_command_class

    for name, package in sorted(get_commands().items()):
        if str(package).startswith(("deploy.", "services.", "shared.")):
            yield f"`manage.py {name}`", load_command_class(str(package), name).help


def openapi_text() -> str:
    """Return the document of all services. Django must be loaded, with the embedded settings."""
    from shared.http.schema import Generator

    made = Generator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _routes() -> list[str]:
    rows = (
        (
            method.upper(),
            f"`{path}`",
            operation["summary"] + (" (older)" if "deprecated" in operation else ""),
        )
        for path, operations in json.loads(openapi_text())["paths"].items()
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


def _prometheus() -> list[str]:
    from shared.observability.metrics import DEFINITIONS

    rows = (
        (f"`{item.name}`", item.kind, ", ".join(f"`{label}`" for label in item.labels), item.help)
        for item in DEFINITIONS
    )
    return _table(("name", "kind", "labels", "what it is"), rows)


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
    """Write the page and the document."""
    import django

    from shared.http.document import PATH

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
    os.environ.setdefault("SECRET_KEY", "only-to-load-the-settings-" + "0" * 32)
    django.setup()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(reference_text(), encoding="utf-8")
    PATH.write_text(openapi_text(), encoding="utf-8")
    (CHECKOUT / ".env.example").write_text(env_example_text(), encoding="utf-8")
    readme = CHECKOUT / "README.md"
    readme.write_text(with_readme_block(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
