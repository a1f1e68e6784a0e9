"""The hooks before a commit are the checks that CI runs, and they run here."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
# The environment that the tests run in has the tools of the one that the hooks name.
TOOLS = Path(sys.executable).parent


def hooks() -> list[dict[str, Any]]:
    [repository] = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    found: list[dict[str, Any]] = repository["hooks"]
    return found


def tools_of(target: str) -> list[str]:
    """Return the tools that a target runs, as they are called in the default environment."""
    [recipe] = re.findall(rf"^{target}:.*\n((?:\t.+\n)+)", MAKEFILE, re.MULTILINE)
    lines = [line.strip("\t@").replace("$(VENV)", ".venv") for line in recipe.splitlines()]
    return [line for line in lines if line.startswith(".venv/")]


def test_the_hooks_check_what_make_lint_checks_and_write_what_is_generated() -> None:
    entries = [hook["entry"] for hook in hooks()]

    assert entries == [*tools_of("lint"), "make --no-print-directory generated"]
    assert tools_of("generated") == [
        ".venv/bin/python -m deploy.local.reference",
        ".venv/bin/python -m shared.contracts.schema",
    ]
    assert re.search(r"^generated:.*\brequirements\b", MAKEFILE, re.MULTILINE)


def test_every_hook_runs_a_program_that_exists_and_downloads_none() -> None:
    for hook in hooks():
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)
        program = hook["entry"].split()[0]
        tool = program.removeprefix(".venv/bin/")
        assert shutil.which(tool, path=TOOLS if tool != program else None), program
