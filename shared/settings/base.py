"""Settings that every service shares; `configure` is called with the parsed environment."""

from ipaddress import ip_address
from typing import Any

from shared.observability.logs import configure_structlog, logging_config
from shared.settings.databases import databases
from shared.settings.env import VARIABLES, WrongSetting

BASE_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "drf_spectacular",
    "drf_standardized_errors",
    "shared.identity",
    "shared.eventstore",
    "shared.messaging",
]
FIXED: dict[str, Any] = {
    "DEBUG": False,
    "MIDDLEWARE": [
        "shared.http.middleware.RequestContext",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "DATABASE_ROUTERS": ["shared.settings.databases.ServiceRouter"],
    "AUTH_USER_MODEL": "identity.User",
    "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    "USE_TZ": True,
    "TIME_ZONE": "UTC",
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 2_500_000,
    "APPEND_SLASH": False,
    "X_FRAME_OPTIONS": "DENY",
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": ["shared.identity.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_PARSER_CLASSES": ["shared.http.parsers.StrictJSONParser"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_SCHEMA_CLASS": "shared.http.schema.OperationSchema",
        "EXCEPTION_HANDLER": "shared.http.problems.exception_handler",
        "UNAUTHENTICATED_USER": None,
        "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
        "COERCE_DECIMAL_TO_STRING": True,
        "URL_FORMAT_OVERRIDE": None,
    },
}


def configure(
    values: dict[str, Any], *, title: str, services: list[str], apps: list[str], urls: str
) -> dict[str, Any]:
    """Return the Django settings of one process.

    `services` are those it runs, the first being the one through whose alias callers are checked, and `apps`
    are theirs. A service on its own must be told its secret key and database; the embedded system gets both
    from its launcher. Raises WrongSetting.
    """
    if len(services) == 1:
        _require(values, "SECRET_KEY")
        _require(values, "DATABASE_URL", f"{services[0].upper()}_DATABASE_URL")
    if values["BELLWETHER_ENV"] == "production":
        _require(values, "SECRET_KEY")
        _refuse_any_host(values)
    configure_structlog()
    return {
        **FIXED,
        "SECRET_KEY": values["SECRET_KEY"],
        "ALLOWED_HOSTS": list(values["ALLOWED_HOSTS"]),
        "INSTALLED_APPS": [*BASE_APPS, *apps],
        "ROOT_URLCONF": urls,
        "DATABASES": databases(values),
        "SERVICES": services,
        "TOKEN_CHECK_ALIAS": services[0],
        "BELLWETHER": values,
        "LOGGING": logging_config(level=values["LOG_LEVEL"], as_json=values["LOG_JSON"]),
        "SPECTACULAR_SETTINGS": {
            "TITLE": title,
            "VERSION": "1",
            "DESCRIPTION": "Daily stock prices: fetch, backtest, forecast and report.",
            "DEFAULT_GENERATOR_CLASS": "shared.http.schema.Generator",
            "POSTPROCESSING_HOOKS": [],
            "OAS_VERSION": "3.1.0",
        },
    }


def on_loopback(values: dict[str, Any]) -> bool:
    """Return whether only this machine can reach the process: what is unsafe elsewhere is permitted then."""
    local: bool = values["BELLWETHER_ENV"] == "local" and ip_address(values["BELLWETHER_BIND"]).is_loopback
    return local


def _require(values: dict[str, Any], *names: str) -> None:
    if all(values[name] is None for name in names):
        expected = next(variable.expected for variable in VARIABLES if variable.name == names[0])
        raise WrongSetting(f"{' or '.join(names)}: not set; it should be {expected}.")


def _refuse_any_host(values: dict[str, Any]) -> None:
    if "*" in values["ALLOWED_HOSTS"]:
        raise WrongSetting("ALLOWED_HOSTS: '*' cannot be used in production; name the hosts.")
