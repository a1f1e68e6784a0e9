"""One typed table of every environment variable Bellwether reads. Nothing else reads the environment.

Each variable may also be given as a file: `SECRET_KEY_FILE=/run/secrets/key` reads the value from there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.errors import BellwetherError


class WrongSetting(BellwetherError):
    """Raised at boot when an environment variable holds a value that cannot be used."""

    status, slug, title = 500, "wrong-setting", "A setting has a wrong value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of the table: `parse` turns text into the value or raises ValueError."""

    name: str
    default: str | None
    expected: str
    help: str
    parse: Callable[[str], Any]
    secret: bool = False


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


def _flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            raise ValueError
        _ = parts.port  # raises ValueError on a port that is no number
        return text

    return parse


def _address(text: str) -> str:
    return str(ip_address(text))


def _patterns(text: str) -> tuple[str, ...]:
    for pattern in text.split():
        try:
            re.compile(pattern)
        except re.error:
            raise ValueError from None
    return tuple(text.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


_postgres = _url("postgres", "postgresql")
_POSTGRES = "a postgresql:// URL"

VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="BELLWETHER_ENV",
        default="local",
        expected="local or production",
        help="production refuses everything that is only safe on a laptop",
        parse=_one_of("local", "production"),
    ),
    Variable(
        name="BELLWETHER_HOME",
        default=None,
        expected="a folder that can be written",
        help="state of the embedded system; default: the XDG state folder, `/var/lib/bellwether` for root",
        parse=Path,
    ),
    Variable(
        name="BELLWETHER_PORT",
        default="8000",
        expected="a port number from 1 to 65535",
        help="where `make up` listens",
        parse=_whole(1, 65535),
    ),
    Variable(
        name="BELLWETHER_BIND",
        default="127.0.0.1",
        expected="an IP address of this machine",
        help="on which address `make up` listens; outside of loopback nothing unsafe is permitted",
        parse=_address,
    ),
    Variable(
        name="DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="PostgreSQL owner; default: a private server that `bellwether` starts itself",
        parse=_postgres,
        secret=True,
    ),
    Variable(
        name="INGEST_DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="login of the ingest service; default: `DATABASE_URL` with its role",
        parse=_postgres,
        secret=True,
    ),
    Variable(
        name="ANALYTICS_DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="login of the analytics service; default: `DATABASE_URL` with its role",
        parse=_postgres,
        secret=True,
    ),
    Variable(
        name="REPORTS_DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="login of the reports service; default: `DATABASE_URL` with its role",
        parse=_postgres,
        secret=True,
    ),
    Variable(
        name="IDENTITY_DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="login that manages users and tokens; default: `DATABASE_URL` with its role",
        parse=_postgres,
        secret=True,
    ),
    Variable(
        name="BROKER_URL",
        default=None,
        expected="an amqp:// or amqps:// URL",
        help="RabbitMQ; default: events and jobs travel through PostgreSQL",
        parse=_url("amqp", "amqps"),
        secret=True,
    ),
    Variable(
        name="BROKER_NAMESPACE",
        default="bellwether",
        expected="letters, digits and hyphens, at most 40",
        help="first part of every exchange and queue name, so that installations can share a broker",
        parse=_matching(r"[A-Za-z0-9-]{1,40}"),
    ),
    Variable(
        name="SECRET_KEY",
        default=None,
        expected="at least 32 characters",
        help="Django's secret key; default: generated once into the state folder",
        parse=_matching(r"(?s).{32,}"),
        secret=True,
    ),
    Variable(
        name="ALLOWED_HOSTS",
        default="127.0.0.1,localhost,[::1]",
        expected="host names separated by commas",
        help="Host headers that are answered",
        parse=_words,
    ),
    Variable(
        name="DEBUG",
        default="false",
        expected="true or false",
        help="more log lines, for people; never stack traces in answers. Refused outside of loopback",
        parse=_flag,
    ),
    Variable(
        name="ADMIN_ENABLED",
        default=None,
        expected="true or false",
        help="whether `/admin/` is served; default: on loopback only",
        parse=_flag,
    ),
    Variable(
        name="REGISTRATION_OPEN",
        default=None,
        expected="true or false",
        help="whether anyone may register; default: on loopback only",
        parse=_flag,
    ),
    Variable(
        name="TRUSTED_PROXIES",
        default="0",
        expected="a whole number from 0 to 9",
        help="proxies in front whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
        parse=_whole(0, 9),
    ),
    Variable(
        name="API_RATE_LIMIT",
        default="1200",
        expected="a whole number from 0 to 1000000",
        help="requests a minute that a service answers each caller; 0: any number",
        parse=_whole(0, 1_000_000),
    ),
    Variable(
        name="CORS_ALLOWED_ORIGIN_REGEXES",
        default=None,
        expected="regular expressions separated by spaces",
        help="origins whose pages may call the API with a token; default: none",
        parse=_patterns,
    ),
    Variable(
        name="LOG_LEVEL",
        default="INFO",
        expected="DEBUG, INFO, WARNING or ERROR",
        help="least severe log line that is written",
        parse=_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Variable(
        name="LOG_JSON",
        default="true",
        expected="true or false",
        help="one JSON object a line, or lines for people",
        parse=_flag,
    ),
    Variable(
        name="WEB_WORKERS",
        default="2",
        expected="a whole number from 1 to 64",
        help="gunicorn processes",
        parse=_whole(1, 64),
    ),
    Variable(
        name="JOB_THREADS",
        default="2",
        expected="a whole number from 1 to 64",
        help="jobs that one worker process runs at a time",
        parse=_whole(1, 64),
    ),
    Variable(
        name="JOB_LEASE_SECONDS",
        default="15",
        expected="a whole number from 1 to 900",
        help="how long a silent worker keeps a job before it is given to another",
        parse=_whole(1, 900),
    ),
)
_BY_NAME = {variable.name: variable for variable in VARIABLES}


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every variable's parsed value (None where unset without a default).

    Raises WrongSetting with the name, the value (never a secret's) and what it should be.
    """
    return {variable.name: _value(variable, environ) for variable in VARIABLES}


def value_of(name: str, environ: Mapping[str, str]) -> Any:
    """Return one variable's parsed value. Raises WrongSetting, and KeyError for a name outside the table."""
    return _value(_BY_NAME[name], environ)


def _value(variable: Variable, environ: Mapping[str, str]) -> Any:
    text = environ.get(variable.name) or _from_file(variable, environ) or variable.default
    if text is None:
        return None
    try:
        return variable.parse(text)
    except (ValueError, KeyError):
        shown = "the value given (not shown, it is secret)" if variable.secret else repr(text[:200])
        raise WrongSetting(
            f"{variable.name}: {shown} cannot be used; it should be {variable.expected}."
        ) from None


def _from_file(variable: Variable, environ: Mapping[str, str]) -> str | None:
    path = environ.get(f"{variable.name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise WrongSetting(f"{variable.name}_FILE: the file {path!r} cannot be read.") from None
