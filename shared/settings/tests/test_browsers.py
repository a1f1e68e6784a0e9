"""In production nothing travels without HTTPS, and Django's own check of a deployment finds nothing."""

import os
import subprocess
import sys
from typing import Any

import pytest

from shared.settings.base import configure
from shared.settings.env import WrongSetting, read

PRODUCTION = {
    "BELLWETHER_ENV": "production",
    "SECRET_KEY": "only-for-tests-abcdefghijklmnopqrstuvwxyz-0123456789",
    "DATABASE_URL": "postgresql:///none",
    "ALLOWED_HOSTS": "bellwether.example",
    "TRUSTED_PROXIES": "1",
}


def settings_of(**environ: str) -> dict[str, Any]:
    return configure(read(environ), services=["ingest", "analytics"], apps=[], urls="deploy.local.urls")


@pytest.mark.parametrize(
    "module",
    ["deploy.local.settings", *(f"services.{name}.settings" for name in ("ingest", "analytics", "reports"))],
)
def test_a_deployment_passes_the_check_of_its_settings(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "check", "--deploy", "--fail-level", "WARNING"],
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": module, **PRODUCTION},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_in_production_all_is_https() -> None:
    found = settings_of(**PRODUCTION)

    assert (found["SESSION_COOKIE_SECURE"], found["CSRF_COOKIE_SECURE"]) == (True, True)
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert found["SECURE_SSL_REDIRECT"] is True


def test_a_laptop_needs_no_https() -> None:
    found = settings_of(SECRET_KEY=PRODUCTION["SECRET_KEY"])

    assert (found["SESSION_COOKIE_SECURE"], found["CSRF_COOKIE_SECURE"]) == (False, False)
    assert not {"SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT", "SECURE_PROXY_SSL_HEADER"} & set(found)


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.7", "::"])
def test_what_others_can_reach_keeps_its_cookies_to_https(bind: str) -> None:
    found = settings_of(SECRET_KEY=PRODUCTION["SECRET_KEY"], BELLWETHER_BIND=bind)

    assert (found["SESSION_COOKIE_SECURE"], found["CSRF_COOKIE_SECURE"]) == (True, True)


def test_only_a_trusted_proxy_can_say_that_a_request_came_by_https() -> None:
    header = ("HTTP_X_FORWARDED_PROTO", "https")

    assert settings_of(**PRODUCTION)["SECURE_PROXY_SSL_HEADER"] == header
    alone = settings_of(**{**PRODUCTION, "TRUSTED_PROXIES": "0"})
    assert "SECURE_PROXY_SSL_HEADER" not in alone
    assert alone["SECURE_SSL_REDIRECT"] is False


def test_a_pattern_that_cannot_stand_as_a_whole_origin_is_refused() -> None:
    with pytest.raises(WrongSetting, match="CORS_ALLOWED_ORIGIN_REGEXES"):
        read({"CORS_ALLOWED_ORIGIN_REGEXES": "(?i)https://a.example"})


def test_origins_are_matched_as_a_whole() -> None:
    found = settings_of(
        SECRET_KEY=PRODUCTION["SECRET_KEY"], CORS_ALLOWED_ORIGIN_REGEXES="https://a https://b"
    )

    assert found["CORS_ALLOWED_ORIGIN_REGEXES"] == [r"(?:https://a)\Z", r"(?:https://b)\Z"]
    assert found["MIDDLEWARE"][0] == "corsheaders.middleware.CorsMiddleware"
    assert found["CORS_ALLOW_CREDENTIALS"] is False
