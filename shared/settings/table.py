"""The one table of every environment variable that Bellwether reads."""

from pathlib import Path

from shared.observability.kill_points import parse_kill_at
from shared.settings.parsers import address, flag, matching, one_of, patterns, url, whole, words
from shared.settings.variable import Variable
from shared.settings.vendors import VENDOR_VARIABLES

_postgres = url("postgres", "postgresql")
_POSTGRES = "a postgresql:// URL"
_ENGINES = (
    "django.db.backends.postgresql",
    "django.db.backends.postgresql_psycopg2",  # what Django called it until 1.9
    "postgresql",
    "postgres",
)
_LOGINS = {
    "ingest": "of the ingest service",
    "analytics": "of the analytics service",
    "reports": "of the reports service",
    "identity": "that manages users and tokens",
}
_OTHERWISE = "used where `DATABASE_URL` is not set"


def _login(alias: str, whose: str) -> Variable:
    return Variable(
        name=f"{alias.upper()}_DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help=f"login {whose}; default: `DATABASE_URL` with its role",
        parse=_postgres,
        secret=True,
    )


_PARTS_OF_DATABASE_URL = (
    Variable(
        name="DATABASE_ENGINE",
        default=None,
        expected="django.db.backends.postgresql",
        help="nothing but PostgreSQL can be chosen: another engine is refused rather than overlooked",
        parse=one_of(*_ENGINES),
    ),
    Variable(
        name="DATABASE_NAME",
        default=None,
        expected="the name of a database",
        help=f"{_OTHERWISE}, together with `DATABASE_USER`",
        parse=matching(r"[^/\0]{1,63}"),
    ),
    Variable(
        name="DATABASE_USER",
        default=None,
        expected="the name of a role",
        help=f"{_OTHERWISE}, together with `DATABASE_NAME`",
        parse=matching(r"[^\0]{1,63}"),
    ),
    Variable(
        name="DATABASE_PASSWORD",
        default=None,
        expected="a password",
        help=f"{_OTHERWISE}; default: none",
        parse=matching(r"(?s)[^\0]{1,1000}"),
        secret=True,
    ),
    Variable(
        name="DATABASE_HOST",
        default=None,
        expected="a host name, an IP address or the folder of a socket",
        help=f"{_OTHERWISE}; default: localhost",
        parse=matching(r"/[^\0]*|[A-Za-z0-9._:-]+"),
    ),
    Variable(
        name="DATABASE_PORT",
        default=None,
        expected="a port number from 1 to 65535",
        help=f"{_OTHERWISE}; default: 5432",
        parse=whole(1, 65535),
    ),
)

VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="BELLWETHER_ENV",
        default="local",
        expected="local or production",
        help="production refuses everything that is only safe on a laptop",
        parse=one_of("local", "production"),
    ),
    Variable(
        name="BELLWETHER_HOME",
        default=None,
        expected="a folder that can be written",
        help="state of the embedded system; default: the XDG state folder, `/var/lib/bellwether` for root",
        parse=Path,
    ),
    Variable(
        name="BELLWETHER_DOTENV",
        default=None,
        expected="the path of a file of NAME=value lines",
        help="read by `bellwether` and `manage.py`; the environment wins. Default: `.env` here, else in the checkout",
        parse=Path,
    ),
    Variable(
        name="BELLWETHER_PORT",
        default="8000",
        expected="a port number from 1 to 65535",
        help="where `make up` listens",
        parse=whole(1, 65535),
    ),
    Variable(
        name="BELLWETHER_BIND",
        default="127.0.0.1",
        expected="an IP address of this machine",
        help="on which address `make up` listens; outside of loopback nothing unsafe is permitted",
        parse=address,
    ),
    Variable(
        name="DATABASE_URL",
        default=None,
        expected=_POSTGRES,
        help="PostgreSQL owner; default: a private server that `bellwether` starts itself",
        parse=_postgres,
        secret=True,
    ),
    *(_login(alias, whose) for alias, whose in _LOGINS.items()),
    *_PARTS_OF_DATABASE_URL,
    Variable(
        name="BROKER_URL",
        default=None,
        expected="an amqp:// or amqps:// URL",
        help="RabbitMQ; default: events and jobs travel through PostgreSQL",
        parse=url("amqp", "amqps"),
        secret=True,
    ),
    Variable(
        name="BROKER_NAMESPACE",
        default="bellwether",
        expected="letters, digits and hyphens, at most 40",
        help="first part of every exchange and queue name, so that installations can share a broker",
        parse=matching(r"[A-Za-z0-9-]{1,40}"),
    ),
    *VENDOR_VARIABLES,
    Variable(
        name="SECRET_KEY",
        default=None,
        expected="at least 32 characters",
        help="Django's secret key; default: generated once into the state folder",
        parse=matching(r"(?s).{32,}"),
        secret=True,
        aliases=("DJANGO_SECRET_KEY",),
    ),
    Variable(
        name="ALLOWED_HOSTS",
        default="127.0.0.1,localhost,[::1]",
        expected="host names separated by commas",
        help="Host headers that are answered; default: also where `make up` listens. `*` is refused outside of loopback",
        parse=words,
    ),
    Variable(
        name="DEBUG",
        default="false",
        expected="true or false",
        help="more log lines, for people; never stack traces in answers. Refused outside of loopback",
        parse=flag,
    ),
    Variable(
        name="ADMIN_ENABLED",
        default=None,
        expected="true or false",
        help="whether `/admin/` is served; default: on loopback only",
        parse=flag,
    ),
    Variable(
        name="METRICS_ENABLED",
        default=None,
        expected="true or false",
        help="whether `/metrics` is served, to whoever reaches it; default: on loopback only",
        parse=flag,
    ),
    Variable(
        name="METRICS_PORT",
        default=None,
        expected="a port number from 1 to 65535",
        help="where `manage.py run_roles` serves its own metrics, on `BELLWETHER_BIND`; default: nowhere",
        parse=whole(1, 65535),
    ),
    Variable(
        name="REGISTRATION_OPEN",
        default=None,
        expected="true or false",
        help="whether anyone may register; default: on loopback only",
        parse=flag,
    ),
    Variable(
        name="TRUSTED_PROXIES",
        default="0",
        expected="a whole number from 0 to 9",
        help="proxies in front whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; behind one nothing is"
        " on loopback",
        parse=whole(0, 9),
    ),
    Variable(
        name="API_RATE_LIMIT",
        default="1200",
        expected="a whole number from 0 to 1000000",
        help="requests a minute that a service answers each caller; 0: any number",
        parse=whole(0, 1_000_000),
    ),
    Variable(
        name="CORS_ALLOWED_ORIGIN_REGEXES",
        default=None,
        expected="regular expressions separated by spaces",
        help="origins whose pages may call the API with a token; default: none",
        parse=patterns,
    ),
    Variable(
        name="LOG_LEVEL",
        default=None,
        expected="DEBUG, INFO, WARNING or ERROR",
        help="least severe log line that is written; default: INFO, and DEBUG where `DEBUG` is on",
        parse=one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Variable(
        name="LOG_JSON",
        default=None,
        expected="true or false",
        help="one JSON object a line, or lines for people; default: true, and false where `DEBUG` is on",
        parse=flag,
    ),
    Variable(
        name="WEB_WORKERS",
        default="2",
        expected="a whole number from 1 to 64",
        help="gunicorn processes",
        parse=whole(1, 64),
    ),
    Variable(
        name="JOB_THREADS",
        default="2",
        expected="a whole number from 1 to 64",
        help="jobs that one worker process runs at a time",
        parse=whole(1, 64),
    ),
    Variable(
        name="JOB_LEASE_SECONDS",
        default="15",
        expected="a whole number from 1 to 900",
        help="how long a silent worker keeps a job before it is given to another",
        parse=whole(1, 900),
    ),
    Variable(
        name="KILL_AT",
        default=None,
        expected="the name of a kill point, with `:STOP` to halt there instead and `:STOP:3` or `:KILL:3` for the third time",
        help="for tests of crashes: the process kills itself at that point (docs/reliability.md). Refused in production",
        parse=parse_kill_at,
    ),
)
