"""What browsers are told: where static files are, how cookies travel, and which other origins may call."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

_STATIC = Path(__file__).resolve().parents[1] / "http/static"
_PACKAGES_WITH_STATIC = ("django", "drf-spectacular-sidecar")
_YEAR_SECONDS = 31_536_000


def browser_settings(values: dict[str, Any], *, on_loopback: bool) -> dict[str, Any]:
    """Return the Django settings that pages, their files and their cookies depend on."""
    return {
        "STATIC_URL": f"/static/{_release_of_static_files()}/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
        # The address changes with the content, so what was fetched once never needs to be asked for again.
        "WHITENOISE_IMMUTABLE_FILE_TEST": "^/static/",
        "CSRF_COOKIE_SECURE": not on_loopback,
        "CSRF_FAILURE_VIEW": "shared.http.problems.csrf_failure",
        **_https(values),
        **_other_origins(values["CORS_ALLOWED_ORIGIN_REGEXES"]),
    }


def cors_middleware(values: dict[str, Any]) -> list[str]:
    """Return what answers other origins; nothing does unless some are named."""
    return ["corsheaders.middleware.CorsMiddleware"] if values["CORS_ALLOWED_ORIGIN_REGEXES"] else []


def _release_of_static_files() -> str:
    """Return a word that changes whenever any static file does; style sheets name their images relative to it."""
    digest = hashlib.sha256(" ".join(version(name) for name in _PACKAGES_WITH_STATIC).encode())
    for path in sorted(path for path in _STATIC.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _https(values: dict[str, Any]) -> dict[str, Any]:
    # Anyone can send the header; only a proxy that sets it itself makes it worth believing.
    behind_proxy = values["TRUSTED_PROXIES"] > 0
    proxied = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")} if behind_proxy else {}
    if values["BELLWETHER_ENV"] != "production":
        return proxied
    return {
        **proxied,
        "SECURE_HSTS_SECONDS": _YEAR_SECONDS,
        # Without a proxy that speaks HTTPS a redirect would lead back to here for ever.
        "SECURE_SSL_REDIRECT": behind_proxy,
        "SECURE_REDIRECT_EXEMPT": ["^livez/?$", "^readyz/?$", "^metrics$"],
    }


def _other_origins(patterns: tuple[str, ...] | None) -> dict[str, Any]:
    """Return what lets pages of other origins call the API, always with a token and never with a cookie."""
    return {
        "CORS_URLS_REGEX": r"^/api/",
        # corsheaders looks at the beginning only: `https://a.example` would let in `https://a.example.evil.test`.
        "CORS_ALLOWED_ORIGIN_REGEXES": [rf"(?:{pattern})\Z" for pattern in patterns or ()],
        "CORS_ALLOW_CREDENTIALS": False,
        "CORS_ALLOW_METHODS": ("GET", "POST", "PATCH", "DELETE"),
        "CORS_ALLOW_HEADERS": (
            "accept",
            "authorization",
            "content-type",
            "idempotency-key",
            "if-none-match",
            "prefer",
            "x-request-id",
        ),
        "CORS_EXPOSE_HEADERS": (
            "etag",
            "idempotent-replayed",
            "link",
            "location",
            "preference-applied",
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-request-id",
        ),
    }
