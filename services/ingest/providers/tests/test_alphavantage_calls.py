"""Calls are few, so none is made that the key does not permit or the stored rows make needless."""

from datetime import date
from typing import Any

import pytest

from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.calls import Access, Call, SeriesRequest, Verdict
from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.providers.tests.simulator_faults import Fault
from services.ingest.sessions.domain import sessions_between

TODAY = date(2026, 11, 20)
BEYOND, REACH = sessions_between(date(2026, 1, 2), TODAY)[-101:-99]
OUT_OF_REACH, OLDEST_LATE = sessions_between(date(2026, 1, 2), TODAY)[-106:-104]
LONG_AGO = date(2020, 1, 2)


def calls(*, known: dict[str, bool] | None = None, **values: Any) -> tuple[Call, ...]:
    whole: dict[str, Any] = {"start": None, "end": None, "with_actions": False, "today": TODAY, **values}
    request = SeriesRequest(symbol=whole.pop("symbol", "AAPL"), **whole)
    return AlphaVantage().series_calls(request, capabilities=known or {})


def size(**values: Any) -> str:
    return dict(calls(**values)[0].params)["outputsize"]


def test_a_first_fetch_tries_the_whole_history_once() -> None:
    (call,) = calls()

    assert call == Call(
        name="daily",
        function="TIME_SERIES_DAILY",
        subject="AAPL",
        params=(("symbol", "AAPL"), ("outputsize", "full")),
        capability="full_history",
    )


def test_a_key_known_to_have_no_full_history_is_asked_for_the_last_hundred_sessions() -> None:
    (call,) = calls(known={"full_history": False})

    assert (dict(call.params)["outputsize"], call.capability) == ("compact", None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"start": REACH}, "compact"),
        ({"start": BEYOND}, "full"),
        ({"start": LONG_AGO}, "full"),
        ({"start": LONG_AGO, "today": None}, "full"),
        ({"start": REACH, "today": None}, "full"),
        ({"start": LONG_AGO, "held_from": LONG_AGO, "held_to": REACH}, "compact"),
        ({"start": date(2020, 1, 1), "held_from": LONG_AGO, "held_to": REACH}, "compact"),  # a holiday
        ({"start": LONG_AGO, "held_from": date(2024, 1, 2), "held_to": REACH}, "full"),
        ({"start": REACH, "held_from": TODAY, "held_to": TODAY}, "compact"),
        ({"held_from": date(2024, 1, 2), "held_to": REACH}, "compact"),
        ({"held_from": date(2024, 1, 2), "held_to": date(2026, 3, 2)}, "full"),  # a long outage
        ({"held_from": date(2024, 1, 2), "held_to": date(2026, 3, 2), "end": date(2026, 3, 2)}, "compact"),
        ({"held_from": date(2026, 1, 2), "held_to": REACH}, "full"),  # less than two years
        ({"held_from": date(2024, 1, 2), "held_to": REACH, "today": None}, "compact"),
    ],
)
def test_the_whole_history_is_asked_for_where_the_last_hundred_sessions_do_not_do(
    values: dict[str, Any], expected: str
) -> None:
    assert size(**values) == expected
    assert size(**values, known={"full_history": True}) == expected
    assert size(**values, known={"full_history": False}) == "compact"


@pytest.mark.parametrize(
    ("values", "is_asked"),
    [
        ({"end": OUT_OF_REACH}, False),
        ({"start": LONG_AGO, "end": OUT_OF_REACH}, False),
        ({"end": OLDEST_LATE}, True),  # the vendor may be some sessions behind
        ({"start": LONG_AGO}, True),
        ({"end": OUT_OF_REACH, "today": None}, True),
        ({"end": OUT_OF_REACH, "held_from": REACH, "held_to": TODAY}, False),
        ({"end": OUT_OF_REACH, "held_from": OUT_OF_REACH, "held_to": TODAY}, True),  # has actions, perhaps
        (
            {"end": LONG_AGO, "held_from": date(2024, 1, 2), "held_to": OUT_OF_REACH},
            True,
        ),  # traded no more, perhaps
        ({"end": LONG_AGO, "held_from": date(2024, 1, 2), "held_to": OLDEST_LATE}, False),
    ],
)
def test_a_key_that_gives_the_last_hundred_sessions_only_is_not_asked_for_older_ones(
    values: dict[str, Any], is_asked: bool
) -> None:
    assert bool(calls(**values, known={"full_history": False}, with_actions=True)) is is_asked
    assert calls(**values, with_actions=True)


def test_actions_are_two_more_calls() -> None:
    daily, dividends, splits = calls(with_actions=True, symbol="BRK.B")

    assert dict(daily.params)["symbol"] == "BRK-B"
    assert (dividends.name, dividends.function, dividends.params) == (
        "dividends",
        "DIVIDENDS",
        (("symbol", "BRK-B"),),
    )
    assert (splits.name, splits.function, splits.subject) == ("splits", "SPLITS", "BRK.B")


def test_a_key_with_the_adjusted_series_has_all_in_one_call() -> None:
    (call,) = calls(with_actions=True, known={"adjusted": True})

    assert (call.name, call.function, call.capability) == (
        "adjusted",
        "TIME_SERIES_DAILY_ADJUSTED",
        "adjusted",
    )
    assert calls(known={"adjusted": True})[0].function == "TIME_SERIES_DAILY"


def test_no_call_holds_the_key() -> None:
    assert KEY not in repr(calls(with_actions=True))


def test_a_call_is_sent_with_the_key_and_what_comes_back_is_understood() -> None:
    provider = AlphaVantage()
    with Simulator(
        moved("AAPL", until=TODAY, count=200), is_free=True, clock=iter(range(100)).__next__
    ) as vendor:
        access = Access(base_url=vendor.alphavantage_url, key=KEY)
        full, compact = calls()[0], calls(known={"full_history": False})[0]

        refused = provider.understand(full, provider.send(full, access))
        told = provider.understand(compact, provider.send(compact, access))

    assert (refused.verdict, told.verdict) == (Verdict.PREMIUM_PARAMETER, Verdict.DATA)
    assert vendor.asked[0].params == {"function": full.function, **dict(full.params)}


def test_an_echoed_key_is_masked_before_anybody_keeps_the_answer() -> None:
    provider, (call,) = AlphaVantage(), calls()
    with Simulator() as vendor:
        vendor.next(Verdict.DAILY_LIMIT)
        answer = provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY))

    assert KEY.encode() not in answer.body
    assert provider.understand(call, answer).verdict is Verdict.DAILY_LIMIT


def test_the_public_demo_key_is_told_from_a_wrong_one() -> None:
    provider, (call,) = AlphaVantage(), calls()
    with Simulator() as vendor:
        for key, verdict in (
            ("demo", Verdict.DEMO_KEY),
            ("", Verdict.BAD_KEY),
            ("other-key", Verdict.BAD_KEY),
        ):
            answer = provider.send(call, Access(base_url=vendor.alphavantage_url, key=key))

            assert provider.understand(call, answer).verdict is verdict


def test_a_broken_connection_is_the_providers_fault() -> None:
    provider, (call,) = AlphaVantage(), calls()
    with Simulator() as vendor, pytest.raises(ProviderUnavailable):
        vendor.next(Fault.RESET)
        provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY))
