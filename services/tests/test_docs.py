"""Documentation that is held to the code."""

import re
import shlex
from pathlib import Path

import typer.main

from deploy.local.cli import app
from deploy.local.reference import reference_text

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_reference_page_says_what_the_code_has() -> None:
    committed = (CHECKOUT / "docs/reference.md").read_text(encoding="utf-8")

    assert committed == reference_text(), "run `python -m deploy.local.reference`"


def test_every_command_in_the_readme_exists() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]

    words = [shlex.split(line, comments=True) for line in lines]
    assert {line[1] for line in words if line[:1] == ["make"]} <= targets
    called = {line[line.index("bellwether") + 1] for line in words if "bellwether" in line}
    assert called
    assert called <= set(commands)


def test_every_file_and_picture_the_readme_names_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert links
    assert [link for link in links if "://" not in link and not (CHECKOUT / link).exists()] == []


def test_the_readme_runs_the_test_command_that_ci_runs() -> None:
    assert "make test" in README
    assert "section test" in (CHECKOUT / ".ci/run").read_text()
