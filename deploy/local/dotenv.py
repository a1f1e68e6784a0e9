"""The settings file `.env`, read where a person starts something: by `bellwether` and `manage.py`, by nothing else."""

import io
import re
from collections.abc import Mapping, MutableMapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import environ

from deploy.local.checkout import CHECKOUT
from shared.settings.env import WrongSetting, is_given
from shared.settings.table import VARIABLES

# django-environ would skip a line it cannot read, and keep a comment that follows a value as part of it.
_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?P<value>'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"#].*?|)(?:\s+\#.*)?""",
    re.VERBOSE,
)
_LIKENESS = 0.9  # one letter wrong, too many or missing in a name of ten
_OURS = {name + end for variable in VARIABLES for name in variable.names for end in ("", "_FILE")}


def load_env_file(environment: MutableMapping[str, str]) -> list[str]:
    """Set what the file says, where the environment does not say it; names that are not ours are left alone.

    Return a sentence on each of those that seems to be one of ours misspelt. Raises WrongSetting with the line that cannot be read, never with what it holds.
    """
    path = _chosen(environment)
    if path is None:
        return []
    given = dict(environment)
    settings = _settings_in(path)
    for name, value in settings.items():
        if name in _OURS and not _decided(name, given):
            environment[name] = value
    return [
        f"{path}: there is no setting {name}. Did you mean {known}?"
        for name in settings
        if name not in _OURS and (known := _nearest(name))
    ]


def _nearest(name: str) -> str | None:
    likeness = 0.0 if name.startswith("BELLWETHER_") else _LIKENESS
    return next(iter(get_close_matches(name.upper(), sorted(_OURS), n=1, cutoff=likeness)), None)


def _chosen(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get("BELLWETHER_DOTENV"):
        return Path(named)
    found = (folder / ".env" for folder in (Path.cwd(), CHECKOUT))
    return next((path for path in found if path.is_file()), None)


def _settings_in(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        raise WrongSetting(f"The settings file {path} cannot be read.") from None
    plain = []
    for number, line in enumerate((line.strip() for line in lines), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise WrongSetting(
                f"{path}, line {number}: write NAME=value; a value that holds quotes or begins with # needs quotes."
            )
        plain.append(f"{match['name']}={match['value']}")
    reader: Any = type("Reader", (environ.Env,), {"ENVIRON": {}})
    reader.read_env(io.StringIO("\n".join(plain)))
    return dict(reader.ENVIRON)


def _decided(name: str, given: Mapping[str, str]) -> bool:
    """Return whether the environment sets the variable already: itself, as a file, or under another name."""
    variable = name.removesuffix("_FILE")
    if variable == "DATABASE_URL" and is_given("DATABASE_NAME", given):
        return True
    return is_given(variable, given)
