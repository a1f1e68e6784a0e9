"""Where the code is, and how a person calls its commands from where they stand."""

import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def manage_line(words: str) -> str:
    """Return the line that runs `manage.py` with these words, as it can be typed into this shell."""
    return f"{from_here(Path(sys.executable))} {from_here(CHECKOUT / 'manage.py')} {words}"


def command_line(words: str) -> str:
    """Return the line that runs `bellwether` with these words, as it can be typed into this shell."""
    program = Path(sys.executable).with_name("bellwether")
    if (found := shutil.which(program.name)) is not None and Path(found).resolve() == program.resolve():
        return f"{program.name} {words}"
    if program.is_file():
        return f"{from_here(program)} {words}"
    return f"{from_here(Path(sys.executable))} -m deploy.local.cli {words}"


def from_here(path: Path) -> Path:
    """Return the shortest way to write a path where the person stands."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
