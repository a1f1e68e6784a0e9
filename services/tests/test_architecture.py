"""The shape of the code is a promise like any other (DESIGN of the tree, sizes, purity)."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings.databases import SERVICES

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "services", "deploy")
LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_README = 300, 40, 150
VAGUE_NAMES = {"utils", "helpers", "common", "misc", "util"}
APP_FILES = {
    "__init__",
    "admin",
    "api",
    "apps",
    "compat",
    "domain",
    "events",
    "handlers",
    "models",
    "pages",
    "selectors",
    "services",
    "tasks",
    "urls",
}
# Words by which code would learn of the clock, the environment or chance.
IMPURE_CALLS = {
    ("datetime", "now"),
    ("date", "today"),
    ("time", "time"),
    ("os", "environ"),
    ("os", "getenv"),
    ("np", "random"),
}
HEAVY_LIBRARIES = {"matplotlib", "numba", "onnxruntime", "reportlab", "sklearn", "svglib", "typer"}
IMPURE_MODULES = {"random", "secrets", "time", "uuid6"}


def modules() -> list[Path]:
    """Return every module that is ours and not a test, a migration or made by a tool."""
    found = (path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))
    return sorted(path for path in found if not {"tests", "migrations"} & set(path.parts))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give name and length of each function, its docstring aside."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            start = (first.end_lineno or 0) + 1 if has_docstring else node.lineno
            yield node.name, (node.end_lineno or 0) - start + 1


def pure_modules() -> list[Path]:
    """Return the modules that the import contract calls pure."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if contract["name"] == "pure code imports no Django")
    found: list[Path] = []
    for name in pure["source_modules"]:
        path = CHECKOUT / name.replace(".", "/")
        found += [path.with_suffix(".py")] if path.with_suffix(".py").exists() else path.rglob("*.py")
    return [path for path in found if "tests" not in path.parts]


def test_no_module_is_longer_than_its_ceiling() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules()}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_its_ceiling() -> None:
    long = {
        f"{path}:{name}": lines
        for path in modules()
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in modules() if path.stem in VAGUE_NAMES] == []


def test_every_app_has_the_same_file_names_for_the_same_things() -> None:
    apps = [path.parent for path in modules() if path.name == "apps.py" and "services" in path.parts]

    assert len(apps) == 14
    # The tables of users are those of shared.identity.
    assert [app.name for app in apps if not (app / "models.py").exists()] == ["users"]
    for app in apps:
        for path in app.glob("*.py"):
            touches_django = "from django" in path.read_text() or "rest_framework" in path.read_text()
            assert (
                path.stem in APP_FILES or not touches_django or path.stem in {"assembly", "track_record"}
            ), path


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_pure_code_reads_no_clock_no_environment_and_no_chance(path: Path) -> None:
    tree = ast.parse(path.read_text())

    used = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    } | {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named = {
        (node.module or "", name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert named & {("os", "environ"), ("os", "getenv"), ("numpy", "random")} == set()
    assert used & IMPURE_CALLS == set()
    assert imported & IMPURE_MODULES == set()


def test_pure_code_runs_without_django() -> None:
    program = (
        "import sys; sys.modules['django'] = None\n"
        "import services.analytics.kernel.backtest, services.analytics.forecasting.model\n"
        "import services.ingest.providers.registry, services.reports.documents.render, shared.contracts\n"
        "import services.analytics.backtests.domain\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wsgi", ["deploy.local.wsgi", *(f"services.{service}.wsgi" for service in SERVICES)])
def test_a_web_process_loads_no_library_that_only_work_needs(wsgi: str) -> None:
    # With all addresses and their views, which a server loads before it forks or with its first request.
    program = (
        f"import sys, {wsgi}\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        f"print(*sorted({HEAVY_LIBRARIES} & set(sys.modules)))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_readme_stays_short() -> None:
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_nothing_points_out_of_the_checkout() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    tracked = [
        CHECKOUT / name for name in listed.splitlines() if Path(name).suffix in {".py", ".md", ".toml", ".sh"}
    ]
    outside = "../" + "shared"

    assert [path for path in tracked if path.exists() and outside in path.read_text()] == []
