"""What is only safe on one's own machine is said there, and refused elsewhere."""

import pytest

from shared.settings.base import configure, on_loopback, risks
from shared.settings.env import WrongSetting, read

KEY = {"SECRET_KEY": "k" * 40}
RISKY = [{"DEBUG": "True"}, {"ALLOWED_HOSTS": "*"}, {"ALLOWED_HOSTS": "a.example, *"}]
ELSEWHERE = [
    {"BELLWETHER_ENV": "production"},
    {"BELLWETHER_BIND": "0.0.0.0"},
    {"BELLWETHER_BIND": "::"},
    {"BELLWETHER_BIND": "192.0.2.7"},
    {"TRUSTED_PROXIES": "1"},
]


def settings_for(environ: dict[str, str]) -> dict[str, object]:
    return configure(
        read({**KEY, **environ}), services=["ingest", "reports"], apps=[], urls="deploy.local.urls"
    )


@pytest.mark.parametrize("risky", RISKY)
@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1"])
def test_on_loopback_a_risk_is_one_sentence(risky: dict[str, str], bind: str) -> None:
    environ = {**risky, "BELLWETHER_BIND": bind}

    settings = settings_for(environ)

    (sentence,) = risks(read(environ))
    assert sentence.startswith(next(iter(risky)))
    assert settings["RISKS"] == [sentence]
    assert settings["DEBUG"] is False


@pytest.mark.parametrize("risky", RISKY)
@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_elsewhere_a_risk_is_refused(risky: dict[str, str], elsewhere: dict[str, str]) -> None:
    with pytest.raises(WrongSetting, match="permitted on loopback only"):
        settings_for({**risky, **elsewhere})


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_elsewhere_nothing_is_refused_that_is_safe(elsewhere: dict[str, str]) -> None:
    assert settings_for(elsewhere)["RISKS"] == []
    assert not on_loopback(read(elsewhere))


def test_both_risks_are_named_at_once() -> None:
    with pytest.raises(WrongSetting, match=r"DEBUG: true .* ALLOWED_HOSTS: '\*' "):
        settings_for({"DEBUG": "on", "ALLOWED_HOSTS": "*", "BELLWETHER_ENV": "production"})
