"""Reads the environment by the table of variables. Nothing else in Bellwether reads it.

Each variable may also be given as a file: `SECRET_KEY_FILE=/run/secrets/key` reads the value from there.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from shared.errors import BellwetherError
from shared.settings.table import VARIABLES
from shared.settings.variable import Variable

_PARTS = ("DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_HOST", "DATABASE_PORT")


_VENDORS = ("ALPHAVANTAGE_BASE_URL", "TIINGO_BASE_URL")


class WrongSetting(BellwetherError):
    """Raised at boot when an environment variable holds a value that cannot be used."""

    status, slug, title = 500, "wrong-setting", "A setting has a wrong value"


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every variable's parsed value (None where unset without a default).

    Raises WrongSetting with the name, the value (never a secret's) and what it should be.
    """
    values = {variable.name: _value(variable, environ) for variable in VARIABLES}
    if values["DATABASE_URL"] is None:
        values["DATABASE_URL"] = _url_of_parts(values)
    for name in _VENDORS:
        _require_safe(name, values)
    values["LOG_LEVEL"] = values["LOG_LEVEL"] or ("DEBUG" if values["DEBUG"] else "INFO")
    if values["LOG_JSON"] is None:
        values["LOG_JSON"] = not values["DEBUG"]
    return values


def is_given(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether the variable is set under any of its names, itself or as a file."""
    (variable,) = (variable for variable in VARIABLES if name in variable.names)
    return any(environ.get(text) for known in variable.names for text in (known, f"{known}_FILE"))


def _require_safe(name: str, values: Mapping[str, Any]) -> None:
    """Refuse a vendor's address that would send the key in clear text over a network."""
    parts = urlsplit(values[name])
    try:
        on_loopback = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        on_loopback = False
    safe = parts.scheme == "https" or (on_loopback and values["BELLWETHER_ENV"] != "production")
    if not safe or parts.username is not None or not parts.hostname or parts.query or parts.fragment:
        raise WrongSetting(
            f"{name}: use https:// and no user, query or fragment; http:// only on loopback, and not in production."
        )
    if name == "ALPHAVANTAGE_BASE_URL" and not parts.path.endswith("/query"):
        raise WrongSetting(f"{name}: the path of Alpha Vantage's address ends in /query.")


def _value(variable: Variable, environ: Mapping[str, str]) -> Any:
    given = {
        name: text for name in variable.names if (text := environ.get(name) or _from_file(name, environ))
    }
    if len(set(given.values())) > 1:
        raise WrongSetting(
            f"{' and '.join(given)} mean the same and are set differently: keep {variable.name}."
        )
    name, text = next(iter(given.items()), (variable.name, variable.default))
    if text is None:
        return None
    try:
        return variable.parse(text)
    except ValueError:
        shown = "the value given (not shown, it is secret)" if variable.secret else repr(text[:200])
        raise WrongSetting(f"{name}: {shown} cannot be used; it should be {variable.expected}.") from None


def _from_file(name: str, environ: Mapping[str, str]) -> str | None:
    path = environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise WrongSetting(f"{name}_FILE: the file {path!r} cannot be read.") from None


def _url_of_parts(values: Mapping[str, Any]) -> str | None:
    """Return DATABASE_URL as the five parts say, None where no part is set."""
    name, user, password, host, port = (values[part] for part in _PARTS)
    given = [part for part in _PARTS if values[part] is not None]
    if not given:
        return None
    if name is None or user is None:
        raise WrongSetting(
            f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} set, but DATABASE_NAME and DATABASE_USER"
            " are both needed: set them, or DATABASE_URL."
        )
    login = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    # Where the host stands in the query it may also be the folder of a socket.
    where = f"host={quote(host or 'localhost', safe='')}&port={port or 5432}"
    return f"postgresql://{login}@/{quote(name, safe='')}?{where}"
