"""Jobs that wait for a provider go on when they need not wait any more, and cost nothing when they still must."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import request_fetch
from services.ingest.providers.faults import KeyRefused
from services.ingest.providers.tests.simulator import KEY, Fault, Simulator, Verdict
from services.ingest.quota.domain import fingerprint
from services.ingest.quota.models import ProviderCall
from services.ingest.quota.services import open_provider, wake_jobs
from services.ingest.quota.tasks import wake
from services.tests.pipeline import drain_everything
from shared.eventstore.models import Job
from shared.eventstore.ticks import ticks_of

ONE, MANY = ((1, 86_400.0),), ((1_000_000, 86_400.0),)

pytestmark = pytest.mark.usefixtures("db", "cause")


def fetch(provider: str, symbol: str = "AAPL", *, start: date | None = None) -> UUID:
    fetch_id = uuid4()
    request_fetch(
        fetch_id=fetch_id, symbol=symbol, provider=provider, start=start, end=None, now=timezone.now()
    )
    drain_everything(("ingest",))
    return fetch_id


def woken() -> int:
    count = wake_jobs(now=timezone.now())
    drain_everything(("ingest",))
    return count


def state(fetch_id: UUID) -> str:
    return fetch_by_id(fetch_id).state


def run_after(fetch_id: UUID) -> Any:
    return Job.objects.using("ingest").get(id=fetch_id).run_after


def test_the_tick_is_registered() -> None:
    assert wake in [tick.work for tick in ticks_of("ingest")]
    wake()


def test_a_job_that_must_still_wait_is_left_alone(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", limits=ONE)
    waits = fetch("alphavantage")
    until = run_after(waits)

    assert (woken(), state(waits), run_after(waits), len(vendor.asked)) == (0, "waiting_quota", until, 1)


def test_a_job_goes_on_when_limits_were_raised(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", limits=ONE)
    waits = fetch("alphavantage")
    choose("alphavantage", limits=MANY)

    assert woken() == 1
    assert (state(waits), len(vendor.asked)) == ("succeeded", 3)
    assert woken() == 0


def test_a_job_goes_on_when_its_provider_was_opened(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage")
    vendor.next(Verdict.DAILY_LIMIT)
    waits = fetch("alphavantage")
    assert (state(waits), woken()) == ("waiting_quota", 0)

    open_provider(name="alphavantage", now=timezone.now())

    assert (woken(), state(waits)) == (1, "succeeded")


def test_a_job_under_the_plan_goes_on_when_another_provider_gets_a_key(
    vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage")
    vendor.next(Verdict.DAILY_LIMIT)
    waits, other = fetch("auto"), fetch("alphavantage", "IBM")
    choose("alphavantage", "tiingo")

    assert woken() == 1
    assert (state(waits), state(other)) == ("succeeded", "waiting_quota")


def test_a_provider_that_was_asked_in_vain_is_not_asked_again_while_another_is_waited_for(
    vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT, function="TIME_SERIES_DAILY")
    waits = fetch("auto", "NOBODY")
    assert [asked.function for asked in vendor.asked] == ["TIME_SERIES_DAILY", "tiingo"]

    assert (woken(), state(waits), len(vendor.asked)) == (0, "waiting_quota", 2)


def test_a_job_that_is_woken_in_vain_waits_again_without_a_call(
    vendor: Simulator, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose("alphavantage", limits=ONE)
    waits = fetch("alphavantage")
    choose("alphavantage", limits=MANY)
    count = wake_jobs(now=timezone.now())
    choose("alphavantage", limits=ONE)

    drain_everything(("ingest",))

    assert (count, state(waits), len(vendor.asked)) == (1, "waiting_quota", 1)
    assert run_after(waits) > timezone.now() + timedelta(hours=23)


def test_an_outage_has_jobs_wait_and_one_call_ends_it_for_all(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    for name in ("AAPL", "IBM", "MSFT"):
        vendor.put(vendor_series(vendor, name))
    vendor.next(Fault.HTTP_500)
    first = fetch("tiingo")
    others = [fetch("tiingo", name) for name in ("IBM", "MSFT")]
    assert (len(vendor.asked), [state(each) for each in others]) == (1, ["waiting_quota"] * 2)
    assert "HTTP 500" in (fetch_by_id(others[0]).live_problem or {})["detail"]  # type: ignore[attr-defined]

    db.execute(
        "UPDATE ingest.provider_call SET sent_at = sent_at - interval '70 s',"
        " answered_at = answered_at - interval '70 s'"
    )
    db.execute("UPDATE ingest.job SET run_after = now() WHERE state IN ('queued', 'waiting_quota')")
    drain_everything(("ingest",))

    assert [state(each) for each in (first, *others)] == ["succeeded"] * 3


def vendor_series(vendor: Simulator, name: str) -> Any:
    series = vendor.series["AAPL"]
    return type(series)(**{**{field: getattr(series, field) for field in series.__slots__}, "symbol": name})


def test_a_kept_key_is_used_by_what_runs_already(
    vendor: Simulator, choose: Choose, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    choose()
    monkeypatch.setitem(settings.BELLWETHER, "CREDENTIALS_FOLDER", tmp_path)
    kept = tmp_path / "tiingo_api_key"

    kept.write_text(f"{KEY}\n")
    assert state(fetch("tiingo")) == "succeeded"
    assert ProviderCall.objects.using("ingest").get().key_fingerprint == fingerprint(KEY)
    kept.write_text("another-key-altogether")
    assert (fetch_by_id(fetch("tiingo")).problem or {})["type"] == f"/problems/{KeyRefused.slug}"


@pytest.mark.parametrize("spoil", [lambda kept: kept.unlink(), lambda kept: kept.write_text("no key")])
def test_a_kept_key_that_cannot_be_used_is_none(
    spoil: Callable[[Any], object], choose: Choose, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from services.ingest.quota.selectors import is_ready

    choose()
    monkeypatch.setitem(settings.BELLWETHER, "CREDENTIALS_FOLDER", tmp_path)
    kept = tmp_path / "tiingo_api_key"
    kept.write_text(KEY)
    assert is_ready("tiingo")

    spoil(kept)

    assert not is_ready("tiingo")
