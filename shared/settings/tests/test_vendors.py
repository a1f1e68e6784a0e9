"""Limits and addresses of those who are asked for prices."""

import pytest

from shared.settings.env import WrongSetting, read


def test_limits_are_calls_and_seconds() -> None:
    assert read({})["ALPHAVANTAGE_LIMITS"] == ((1, 1.25), (25, 86_400.0))
    assert read({"TIINGO_LIMITS": " 10/1m , 50/1h,1000/1d"})["TIINGO_LIMITS"] == (
        *((10, 60.0), (50, 3_600.0)),
        (1_000, 86_400.0),
    )


@pytest.mark.parametrize(
    "text",
    [
        "25",
        "25/24",
        "0/1s",
        "1/0s",
        "-1/1s",
        "1/1s;2/2s",
        "25/24h,1/1.25s",  # not rising
        "5/60s,5/24h",
        "5/60s,25/60s",
        "1/10s,25/60s",  # the longer one permits more than the shorter one ever lets through
        "1/1.2345s",
        "1/1s,",
    ],
)
def test_limits_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(WrongSetting, match="ALPHAVANTAGE_LIMITS"):
        read({"ALPHAVANTAGE_LIMITS": text})


@pytest.mark.parametrize(
    "url",
    [
        "https://vendor.example/query",
        "http://127.0.0.1:8080/query",
        "http://localhost/query",
        "http://[::1]/query",
    ],
)
def test_clear_text_is_for_loopback_only(url: str) -> None:
    assert read({"ALPHAVANTAGE_BASE_URL": url})["ALPHAVANTAGE_BASE_URL"] == url


@pytest.mark.parametrize(
    "url",
    [
        "http://vendor.example/query",
        "http://127.0.0.1.example/query",
        "http://10.0.0.1/query",
        "https://user:hunter2@vendor.example/query",
        "https://vendor.example/query?function=x",
        "https://vendor.example/query#x",
        "https://vendor.example/other",
        "https:///query",
        "ftp://vendor.example/query",
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused_unseen(url: str) -> None:
    with pytest.raises(WrongSetting, match="ALPHAVANTAGE_BASE_URL") as caught:
        read({"ALPHAVANTAGE_BASE_URL": url})
    assert "hunter2" not in str(caught.value)


def test_in_production_not_even_loopback_is_clear_text() -> None:
    chosen = {"BELLWETHER_ENV": "production", "TIINGO_BASE_URL": "http://127.0.0.1:1"}

    with pytest.raises(WrongSetting, match="TIINGO_BASE_URL"):
        read(chosen)
