"""Settings that every service shares; `configure` is called with the parsed environment."""

from ipaddress import ip_address
from typing import Any

from shared.observability import kill_points
from shared.observability.logs import configure_structlog, logging_config
from shared.settings.browsers import browser_settings, cors_middleware
from shared.settings.databases import databases
from shared.settings.env import WrongSetting
from shared.settings.openapi import spectacular_settings
from shared.settings.table import VARIABLES

BASE_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "shared.http",
    "shared.identity",
    "shared.eventstore",
    "shared.messaging",
]
# Where users are served: analytics has the pages they log in with, and the admin.
USER_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "shared.identity.middleware.SessionUser",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ADMIN_APPS = ["shared.admin.apps.BellwetherAdminConfig", "django.contrib.messages"]
FIXED: dict[str, Any] = {
    "DEBUG": False,
    "MIDDLEWARE": [
        "shared.http.middleware.RequestContext",
        "django.middleware.security.SecurityMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "DATABASE_ROUTERS": ["shared.settings.databases.ServiceRouter"],
    "AUTH_USER_MODEL": "identity.User",
    "PASSWORD_HASHERS": ["shared.identity.hashers.Argon2id"],
    "AUTH_PASSWORD_VALIDATORS": [
        {
            "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
            "OPTIONS": {"min_length": 12},
        },
        {"NAME": "shared.identity.validators.MaximumLengthValidator"},
        {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        {
            "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
            "OPTIONS": {"user_attributes": ("username", "display_name", "email")},
        },
    ],
    # Log-ins are tokens, checked by all services. These two hold only what Django's admin keeps for itself.
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "MESSAGE_STORAGE": "django.contrib.messages.storage.cookie.CookieStorage",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "FORMAT_MODULE_PATH": "shared.admin.formats",
    "SILENCED_SYSTEM_CHECKS": [
        # Whether HTTPS binds the domain's other hosts too, and all browsers know beforehand, its owner decides.
        "security.W005",
        "security.W021",
    ],
    "USE_TZ": True,
    "TIME_ZONE": "UTC",
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 2_500_000,
    "APPEND_SLASH": False,
    "X_FRAME_OPTIONS": "DENY",
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "shared.identity.authentication.TokenAuthentication",
            "shared.identity.authentication.SessionAuthentication",
        ],
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


def configure(values: dict[str, Any], *, services: list[str], apps: list[str], urls: str) -> dict[str, Any]:
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
        if values["KILL_AT"] is not None:
            raise WrongSetting("KILL_AT: it is for tests of crashes and refused in production.")
    if not on_loopback(values) and (found := risks(values)):
        raise WrongSetting(" ".join(found))
    configure_structlog()
    kill_points.arm(values["KILL_AT"])
    for name in ("ADMIN_ENABLED", "METRICS_ENABLED", "REGISTRATION_OPEN"):
        values = {**values, name: on_loopback(values) if values[name] is None else values[name]}
    return {
        **FIXED,
        **browser_settings(values, on_loopback=on_loopback(values)),
        "MIDDLEWARE": [
            *cors_middleware(values),
            *FIXED["MIDDLEWARE"],
            *(USER_MIDDLEWARE if "analytics" in services else ()),
        ],
        "SESSION_COOKIE_SECURE": not on_loopback(values),
        "SECRET_KEY": values["SECRET_KEY"],
        "ALLOWED_HOSTS": list(values["ALLOWED_HOSTS"]),
        "INSTALLED_APPS": [*BASE_APPS, *apps, *(ADMIN_APPS if "analytics" in services else ())],
        "ROOT_URLCONF": urls,
        "DATABASES": databases(values),
        "SERVICES": services,
        "TOKEN_CHECK_ALIAS": services[0],
        "BELLWETHER": values,
        "RISKS": risks(values),
        "LOGGING": logging_config(level=values["LOG_LEVEL"], as_json=values["LOG_JSON"]),
        "SPECTACULAR_SETTINGS": spectacular_settings(),
    }


def on_loopback(values: dict[str, Any]) -> bool:
    """Return whether only this machine can reach the process: what is unsafe elsewhere is permitted then.

    A proxy in front brings others.
    """
    local: bool = values["BELLWETHER_ENV"] == "local" and values["TRUSTED_PROXIES"] == 0
    return local and ip_address(values["BELLWETHER_BIND"]).is_loopback


def risks(values: dict[str, Any]) -> list[str]:
    """Return a sentence on each setting that is safe only while nobody else can reach the process."""
    found = []
    if values["DEBUG"]:
        found.append(
            "DEBUG: true writes into the logs what others should not read; permitted on loopback only."
        )
    if "*" in values["ALLOWED_HOSTS"]:
        found.append("ALLOWED_HOSTS: '*' answers to any name; permitted on loopback only, so name the hosts.")
    return found


def _require(values: dict[str, Any], *names: str) -> None:
    if all(values[name] is None for name in names):
        expected = next(variable.expected for variable in VARIABLES if variable.name == names[0])
        raise WrongSetting(f"{' or '.join(names)}: not set; it should be {expected}.")
