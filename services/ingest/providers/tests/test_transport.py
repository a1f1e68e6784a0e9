"""An answer comes whole, in time and below its size, or not at all; and the key is in nothing that comes out."""

import logging
import threading
import time
import traceback

import pytest

from services.ingest.providers import transport
from services.ingest.providers.calls import RawAnswer, Verdict
from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.providers.tests.simulator import KEY, Simulator
from services.ingest.providers.tests.simulator_faults import BOMB_BYTES, Fault

QUERY = {"function": "OVERVIEW", "symbol": "NONE", "apikey": KEY}


def ask(vendor: Simulator, *, deadline_seconds: float = 20.0, most_bytes: int = 2**20) -> RawAnswer:
    return transport.get(
        vendor.alphavantage_url,
        params=QUERY,
        secret=KEY,
        deadline_seconds=deadline_seconds,
        most_bytes=most_bytes,
    )


def failure(vendor: Simulator, fault: Fault, *, deadline_seconds: float = 20.0) -> str:
    vendor.next(fault)
    with pytest.raises(ProviderUnavailable) as failed:
        ask(vendor, deadline_seconds=deadline_seconds)
    assert KEY not in "".join(traceback.format_exception(failed.value))
    assert failed.value.__context__ is None or KEY not in str(failed.value.__context__)
    return failed.value.detail


def test_a_body_comes_back_with_its_status() -> None:
    with Simulator() as vendor:
        answer = ask(vendor)

    assert answer == RawAnswer(status=200, body=b"{}")


@pytest.mark.parametrize("fault", [Fault.HTTP_403, Fault.HTTP_429, Fault.HTTP_500])
def test_an_error_status_is_an_answer_like_any_other(fault: Fault) -> None:
    with Simulator() as vendor:
        vendor.next(fault)

        assert ask(vendor).status == int(fault[-3:])


@pytest.mark.parametrize("fault", [Fault.SLOW_BODY, Fault.SLOW_HEADERS])
def test_a_vendor_that_drips_does_not_pass_the_deadline(fault: Fault) -> None:
    with Simulator() as vendor:
        began = time.monotonic()

        detail = failure(vendor, fault, deadline_seconds=0.3)

    assert detail == "There was no whole answer within 0.3 seconds."
    assert time.monotonic() - began < 3


def test_nobody_goes_on_reading_for_a_caller_who_has_given_up() -> None:
    with Simulator() as vendor:
        failure(vendor, Fault.SLOW_BODY, deadline_seconds=0.1)
        readers = [thread for thread in threading.enumerate() if thread.name == "provider-call"]
        for reader in readers:
            reader.join(timeout=5)

        assert [reader for reader in readers if reader.is_alive()] == []


def test_a_body_above_the_size_is_not_taken() -> None:
    with Simulator() as vendor:
        assert failure(vendor, Fault.OVERSIZE) == "The answer is larger than 1048576 bytes."


def test_the_size_counts_what_a_compressed_body_unpacks_to() -> None:
    with Simulator() as vendor:
        assert failure(vendor, Fault.GZIP_BOMB) == "The answer is larger than 1048576 bytes."


def test_a_compressed_body_below_the_size_is_unpacked() -> None:
    with Simulator() as vendor:
        vendor.next(Fault.GZIP_BOMB)

        assert ask(vendor, most_bytes=BOMB_BYTES).body == b" " * BOMB_BYTES


def test_a_redirect_is_not_followed() -> None:
    with Simulator() as vendor:
        assert failure(vendor, Fault.REDIRECT) == "It redirects elsewhere (HTTP 302)."
        assert len(vendor.asked) == 1


def test_a_broken_connection_is_told_in_our_words() -> None:
    with Simulator() as vendor:
        assert failure(vendor, Fault.RESET) == "The connection could not be made, or it broke."


def test_a_short_body_is_a_broken_connection() -> None:
    with Simulator() as vendor:
        assert failure(vendor, Fault.SHORT_BODY) == "The connection could not be made, or it broke."


def test_a_connection_that_is_not_encrypted_is_refused_where_it_should_be() -> None:
    with Simulator() as vendor, pytest.raises(ProviderUnavailable, match="encrypted connection failed"):
        transport.get(vendor.alphavantage_url.replace("http:", "https:"), params=QUERY, secret=KEY)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/query", "http://nowhere.invalid/query", "http://", "http://[/", "no-url"]
)
def test_an_address_that_does_not_answer_is_told_without_the_query(url: str) -> None:
    with pytest.raises(ProviderUnavailable) as failed:
        transport.get(url, params=QUERY, secret=KEY)

    assert KEY not in "".join(traceback.format_exception(failed.value))
    assert "symbol" not in failed.value.detail


def test_a_key_that_no_header_can_hold_is_not_shown() -> None:
    for key in ("ключ-к-данным", "line\nbreak-in-key"):
        with Simulator() as vendor, pytest.raises(ProviderUnavailable) as failed:
            transport.get(vendor.tiingo_url, params={}, headers={"Authorization": key}, secret=key)

        assert key not in "".join(traceback.format_exception(failed.value))


def test_the_environment_neither_diverts_nor_signs_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Simulator() as vendor:
        assert ask(vendor).status == 200


def test_a_key_that_the_vendor_echoes_is_masked_in_the_body() -> None:
    with Simulator() as vendor:
        vendor.next(Verdict.DAILY_LIMIT)

        body = ask(vendor).body

    assert KEY.encode() not in body
    assert b"your API key as *** and our standard" in body


def test_no_library_logs_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Simulator() as vendor:
        ask(vendor)
        failure(vendor, Fault.RESET)
        vendor.next(Fault.BAD_HEADERS)
        ask(vendor)

    assert [record for record in caplog.records if record.name == "urllib3.connectionpool"]
    assert KEY not in caplog.text
    assert '"GET /query?... HTTP/1.1" 200' in caplog.text
