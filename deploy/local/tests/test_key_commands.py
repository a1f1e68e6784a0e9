"""What trying a key costs and teaches, against a vendor of our own."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings

from deploy.local.key_commands import _try, _without_alarms
from services.ingest.fetches.domain import last_final_session
from services.ingest.providers.faults import KeyRefused, ProviderUnavailable
from services.ingest.providers.tests.simulator import KEY, Fault, Simulator, Verdict, moved
from services.ingest.quota.selectors import capabilities_of, quota_of
from shared.eventstore.jobs import WaitingForQuota

ADJUSTED = "TIME_SERIES_DAILY_ADJUSTED"
LAST = last_final_session(datetime.now(UTC))
LIMITS = ((1, 0.2), (25, 86_400.0))

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Give a vendor that knows 300 sessions, and settings that lead to it."""
    with Simulator(moved("AAPL", until=LAST, count=300, name="IBM")) as running:
        urls = {"ALPHAVANTAGE": running.alphavantage_url, "TIINGO": running.tiingo_url}
        for prefix, url in urls.items():
            for name, value in {"API_KEY": KEY, "BASE_URL": url, "LIMITS": LIMITS}.items():
                monkeypatch.setitem(settings.BELLWETHER, f"{prefix}_{name}", value)
        yield running


def asked(vendor: Simulator) -> list[str]:
    return [one.function for one in vendor.asked]


def test_a_free_key_takes_one_call(vendor: Simulator) -> None:
    vendor.is_free = True

    assert _try("alphavantage") is None
    assert asked(vendor) == ["TIME_SERIES_DAILY"]
    assert capabilities_of("alphavantage") == {"full_history": False}


def test_a_key_that_has_all_sessions_takes_a_second_call_for_adjusted_prices(
    vendor: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _try("alphavantage") is None

    assert asked(vendor) == ["TIME_SERIES_DAILY", ADJUSTED]
    assert capabilities_of("alphavantage") == {"adjusted": True, "full_history": True}
    assert "A second call, for adjusted prices" in capsys.readouterr().err


def test_a_key_that_lacks_adjusted_prices_is_good_all_the_same(vendor: Simulator) -> None:
    vendor.next(Verdict.PREMIUM_ENDPOINT, function=ADJUSTED)

    assert _try("alphavantage") is None
    assert capabilities_of("alphavantage") == {"adjusted": False, "full_history": True}


@pytest.mark.parametrize("fault", [Fault.HTTP_500, Verdict.DAILY_LIMIT, Verdict.INVALID_CALL])
def test_what_becomes_of_the_second_call_says_nothing_against_the_key(
    fault: Fault | Verdict, vendor: Simulator
) -> None:
    vendor.next(fault, function=ADJUSTED)

    assert _try("alphavantage") is None
    assert capabilities_of("alphavantage") == {"full_history": True}


def test_what_the_plan_lacked_is_asked_again(vendor: Simulator) -> None:
    vendor.next(Verdict.PREMIUM_PARAMETER)
    _try("alphavantage")
    vendor.next(Verdict.PREMIUM_ENDPOINT, function=ADJUSTED)
    _try("alphavantage")

    _try("alphavantage")

    assert capabilities_of("alphavantage") == {"adjusted": True, "full_history": True}


def test_a_hundred_rows_do_not_show_that_a_key_has_all_sessions(vendor: Simulator) -> None:
    vendor.put(moved("AAPL", until=LAST, count=100, name="IBM"))

    assert _try("alphavantage") is None
    assert (asked(vendor), capabilities_of("alphavantage")) == (["TIME_SERIES_DAILY"], {})
    vendor.put(moved("AAPL", until=LAST, count=101, name="IBM"))
    _try("alphavantage")
    assert capabilities_of("alphavantage")["full_history"]


def test_a_key_of_tiingo_takes_one_call(vendor: Simulator) -> None:
    assert _try("tiingo") is None
    assert asked(vendor) == ["tiingo"]


def test_a_key_is_tried_in_spite_of_an_outage_and_a_good_answer_ends_it(vendor: Simulator) -> None:
    vendor.next(Fault.HTTP_500)
    with pytest.raises(ProviderUnavailable):
        _try("tiingo")
    assert isinstance(quota_of("tiingo", now=datetime.now(UTC)).problem, WaitingForQuota)

    assert _try("tiingo") is None
    assert quota_of("tiingo", now=datetime.now(UTC)).problem is None


@pytest.mark.parametrize(("as_json", "lines"), [(False, 0), (True, 1)])
def test_a_wrong_key_is_told_in_words_and_logged_where_logs_are_for_machines(
    as_json: bool,
    lines: int,
    vendor: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "LOG_JSON", as_json)
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", "WRONGKEY123")

    with pytest.raises(KeyRefused), _without_alarms():
        _try("alphavantage")

    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == lines
