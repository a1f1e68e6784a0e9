"""Settings that every service shares; `configure` is called with the parsed environment."""

from typing import Any

from shared.observability.logs import configure_structlog, logging_config
from shared.settings.databases import databases


def configure(values: dict[str, Any], *, title: str, apps: list[str], urls: str, token_alias: str) -> dict[str, Any]:
    """Return the Django settings of one process.

    `apps` are the service's own apps, `token_alias` the database alias through which tokens are checked.
    """
    configure_structlog()
    return {
        "DEBUG": False,
        "SECRET_KEY": values["SECRET_KEY"],
        "ALLOWED_HOSTS": list(values["ALLOWED_HOSTS"]),
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "rest_framework",
            "drf_spectacular",
            "drf_standardized_errors",
            "shared.identity",
            "shared.eventstore",
            *apps,
        ],
        "MIDDLEWARE": [
            "shared.http.middleware.RequestContext",
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "ROOT_URLCONF": urls,
        "DATABASES": databases(values),
        "DATABASE_ROUTERS": ["shared.settings.databases.ServiceRouter"],
        "AUTH_USER_MODEL": "identity.User",
        "TOKEN_CHECK_ALIAS": token_alias,
        "BELLWETHER": values,
        "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 2_500_000,
        "APPEND_SLASH": False,
        "X_FRAME_OPTIONS": "DENY",
        "LOGGING": logging_config(level=values["LOG_LEVEL"], as_json=values["LOG_JSON"]),
        "SILENCED_SYSTEM_CHECKS": ["security.W003"],
        "REST_FRAMEWORK": {
            "DEFAULT_AUTHENTICATION_CLASSES": ["shared.identity.authentication.TokenAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_PARSER_CLASSES": ["shared.http.parsers.StrictJSONParser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
            "EXCEPTION_HANDLER": "shared.http.problems.exception_handler",
            "UNAUTHENTICATED_USER": None,
            "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
            "COERCE_DECIMAL_TO_STRING": True,
        },
        "SPECTACULAR_SETTINGS": {
            "TITLE": title,
            "VERSION": "1",
            "DESCRIPTION": "Daily stock prices: fetch, backtest, forecast and report.",
            "SERVE_INCLUDE_SCHEMA": False,
            "SERVE_PUBLIC": True,
            "SERVE_AUTHENTICATION": [],
            "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        },
    }
