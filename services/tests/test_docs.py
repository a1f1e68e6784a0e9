"""Documentation that is held to the code."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
from django.core.management import get_commands
from django.test import Client

from deploy.local.cli import app
from deploy.local.reference import reference_text
from services.analytics.kernel.metrics import DEFINITIONS
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.tests.addresses import addresses
from shared.contracts.registry import event_types
from shared.observability.metrics import DEFINITIONS as PROMETHEUS
from shared.settings.table import VARIABLES

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
REFERENCE = (CHECKOUT / "docs/reference.md").read_text(encoding="utf-8")
EVENTS = (CHECKOUT / "shared/contracts/EVENTS.md").read_text(encoding="utf-8")
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
LINES = [
    shlex.split(line, comments=True)
    for line in [*SHELL.splitlines(), *SPANS]
    if "'" not in line or line in SHELL
]
ORIGIN = "http://127.0.0.1:8000"
A_SYMBOL, AN_ID = "AAPL", "00000000-0000-7000-8000-000000000000"
FOLDERS = ("/var/", "/etc/", "/opt/", "/tmp/", "/usr/", "/dev/")


def test_the_reference_page_says_what_the_code_has() -> None:
    assert reference_text() == REFERENCE, "run `python -m deploy.local.reference`"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param({variable.name for variable in VARIABLES}, id="settings"),
        pytest.param({metric.name for metric in DEFINITIONS}, id="metrics"),
        pytest.param({metric.name for metric in PROMETHEUS}, id="prometheus"),
        pytest.param(set(STRATEGIES), id="strategies"),
    ],
)
def test_the_reference_names_everything_there_is(names: set[str]) -> None:
    assert names
    assert {name for name in names if f"`{name}`" not in REFERENCE} == set()


def test_the_reference_names_every_command() -> None:
    names = [f"bellwether {name}" for name in _leaves(typer.main.get_command(app))]
    names += [f"manage.py {name}" for name in our_commands()]

    assert len(names) > 10
    assert [name for name in names if f"`{name}" not in REFERENCE] == []


def test_the_reference_names_every_address() -> None:
    paths = {address.path for address in addresses() if address.is_documented}

    assert len(paths) > 20
    assert {path for path in paths if f"`{path}`" not in REFERENCE} == set()


def test_every_event_is_described() -> None:
    assert [kind.type for kind in event_types() if f"\n## {kind.type}\n" not in EVENTS] == []


def test_every_line_of_shell_in_the_readme_parses() -> None:
    done = subprocess.run(["bash", "-n"], input=SHELL, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

    assert _called("make") <= targets | {line for line in _called("make") if "=" in line}
    assert _called("bellwether")
    assert _called("bellwether") <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert _called("manage.py") <= set(get_commands())


def test_every_make_target_is_listed_by_make_help() -> None:
    targets = re.findall(r"^([a-z-]+):(.*)$", MAKEFILE, re.MULTILINE)

    assert [name for name, rest in targets if "## " not in rest] == []
    assert set(re.findall(r"[a-z-]+", MAKEFILE.split(".PHONY:")[1].splitlines()[0])) == {
        name for name, _ in targets
    }


def test_every_address_in_the_readme_is_served_for_its_method() -> None:
    asked = [_asked(line) for line in LINES if line[:1] == ["curl"]]
    asked += [("GET", ORIGIN + path) for path in re.findall(rf"{ORIGIN}(/[^\s\"'`)>]*)", README)]
    asked += [_named(span) for span in SPANS if re.match(r"([A-Z]+ )?/[a-z]", span)]

    found = [
        (method, url)
        for method, url in asked
        if not url.removeprefix(ORIGIN).startswith(FOLDERS)
        and method not in _allowed(url.removeprefix(ORIGIN))
    ]
    assert asked
    assert found == []


def test_every_setting_in_the_readme_exists() -> None:
    words = {word for span in SPANS for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", span)}
    known = {name for variable in VARIABLES for name in (variable.name, *variable.aliases)}

    assert words <= known | set(re.findall(r"\$\(?([A-Z_]+)", MAKEFILE))


def test_every_file_and_picture_the_readme_names_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r'src="([^"]+)"', README)

    assert links
    assert [link for link in links if "://" not in link and not (CHECKOUT / link).exists()] == []


def test_the_alerts_name_metrics_that_there_are() -> None:
    text = (CHECKOUT / "docs/reliability.md").read_text(encoding="utf-8")
    known = {metric.name for metric in PROMETHEUS}
    parts = {f"{metric.name}_{part}" for metric in PROMETHEUS for part in ("bucket", "sum", "count")}

    named = set(re.findall(r"\bbellwether_[a-z_]+", text))

    assert named
    assert named <= known | parts


def test_the_readme_runs_the_test_command_that_ci_runs() -> None:
    assert "make test" in README
    assert "section test" in (CHECKOUT / ".ci/run").read_text()


def our_commands() -> list[str]:
    """Return the names of Django's commands that are written or changed here."""
    ours = ("deploy.", "services.", "shared.")
    return sorted(name for name, package in get_commands().items() if str(package).startswith(ours))


def _leaves(group: Any, prefix: str = "") -> list[str]:
    if not hasattr(group, "commands"):
        return [prefix.strip()]
    return [leaf for name, item in group.commands.items() for leaf in _leaves(item, f"{prefix} {name}")]


def _called(program: str) -> set[str]:
    """Return the first word after a program wherever the README runs it."""
    found = {
        line[place + 1]
        for line in LINES
        for place, word in enumerate(line[:-1])
        if word == program or word.endswith(f"/{program}")
    }
    return {word for word in found if not word.startswith("-")}


def _asked(curl: list[str]) -> tuple[str, str]:
    [url] = [word for word in curl if word.startswith("http")]
    if "-X" in curl:
        return curl[curl.index("-X") + 1], url
    return ("POST" if {"-d", "--data", "--json"} & set(curl) else "GET"), url


def _named(span: str) -> tuple[str, str]:
    method, _, path = span.rpartition(" ")
    return method or "GET", path


def _allowed(path: str) -> list[str]:
    """Return the methods that an address answers, its variables filled in."""
    path = re.sub(r"<symbol>|\{symbol\}|\$\{?SYMBOL\}?", A_SYMBOL, path.partition("?")[0])
    path = re.sub(r"<[a-z_:]+>|\{[a-z_]+\}|\$\{?[A-Za-z_]+\}?", AN_ID, path)
    answer = Client().options(path)
    if answer.status_code == 404:  # or what several addresses begin with
        return ["GET"] if any(address.path.startswith(path) for address in addresses()) else []
    return answer.headers.get("Allow", "GET").split(", ")


def test_every_test_that_the_reliability_page_names_exists() -> None:
    named = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", (CHECKOUT / "docs/reliability.md").read_text())

    assert len(named) > 40
    assert [each for each in named if f"def {each[1]}(" not in (CHECKOUT / each[0]).read_text()] == []
