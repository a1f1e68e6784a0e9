"""The standing run and its report, whoever asks first and whatever failed before."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from services.analytics.backtests.models import Run
from services.analytics.backtests.services import standing_inputs, start_backtest
from services.analytics.forecasting.models import Forecast
from services.ingest import conftest as of_ingest
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import OtherFetchOpen, import_series, request_fetch
from services.ingest.fetches.tests.fetching import providers_of, requested
from services.ingest.market.models import InstrumentVersion
from services.ingest.providers.domain import Bar, DailySeries
from services.ingest.providers.tests.simulator import Simulator
from services.ingest.sessions.domain import next_sessions
from services.reports.documents.models import Report, ReportPart
from services.reports.documents.services import start_report
from services.tests.pipeline import drain_everything
from shared.eventstore.jobs import JobAlreadyOpen, due_jobs
from shared.eventstore.worker import run_job

until, vendor, choose = of_ingest.until, of_ingest.vendor, of_ingest.choose  # fixtures

pytestmark = pytest.mark.usefixtures("db", "cause")


def import_made_up(symbol: str, *, after: date, count: int) -> None:
    """Import bars that rise and fall, on the sessions after a day."""
    prices = [Decimal(100 + (number * 7) % 23) for number in range(count)]
    bars = tuple(
        Bar(session=session, open=price, high=price + 1, low=price - 1, close=price, volume=number)
        for number, (session, price) in enumerate(zip(next_sessions(after, count), prices, strict=True))
    )
    series = DailySeries(
        symbol=symbol, provider="csv", attribution="made up", bars=bars, splits=(), dividends=()
    )
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def reports() -> list[Report]:
    return list(Report.objects.using("reports").order_by("created_at"))


def test_a_user_who_asks_for_the_standing_run_first_does_not_take_its_report_away() -> None:
    import_made_up("ACME", after=date(2015, 1, 1), count=260)

    start_backtest(inputs=standing_inputs(symbol="ACME", data_version=1), now=timezone.now())
    drain_everything()

    assert Run.objects.using("analytics").get().standing is True
    assert [report.state for report in reports()] == ["succeeded"]


def test_a_run_that_failed_and_then_succeeded_is_reported_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("services.analytics.backtests.services.run_inputs", broken)
        import_made_up("ACME", after=date(2015, 1, 1), count=260)
        drain_everything()
        for _ in range(2):
            make_due("analytics")
            drain_everything()
    assert Run.objects.using("analytics").get().state == "failed"
    (first,) = reports()

    start_backtest(inputs=standing_inputs(symbol="ACME", data_version=1), now=timezone.now())
    drain_everything()

    assert Run.objects.using("analytics").get().state == "succeeded"
    _, second = reports()
    assert second.state == "succeeded"
    assert second.document_hash != first.document_hash


def test_a_report_that_failed_is_rendered_when_it_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("services.reports.documents.services.render", broken)
        import_made_up("ACME", after=date(2015, 1, 1), count=260)
        drain_everything()
        for _ in range(2):
            make_due("reports")
            drain_everything()
    (report,) = reports()
    assert report.state == "failed"

    start_report(symbol="ACME", now=timezone.now())
    drain_everything()

    (report,) = reports()
    assert (report.state, report.problem) == ("succeeded", None)


def make_due(service: str) -> None:
    from shared.eventstore.models import Job

    Job.objects.using(service).filter(state="queued").update(run_after=timezone.now() - timedelta(seconds=1))


def test_bars_from_the_calendars_first_day_are_tested_and_reported() -> None:
    import_made_up("OLD", after=date(1990, 1, 1), count=260)
    drain_everything()

    assert Run.objects.using("analytics").get().state == "succeeded"
    assert ReportPart.objects.using("reports").get().run_id is not None
    assert [report.state for report in reports()] == ["succeeded"]


def test_a_fetch_under_way_answers_only_for_the_same_question() -> None:
    def ask(start: date | None) -> None:
        request_fetch(
            fetch_id=uuid4(), symbol="FB", provider="bundled", start=start, end=None, now=timezone.now()
        )

    ask(None)
    with pytest.raises(JobAlreadyOpen) as same:
        ask(None)
    with pytest.raises(OtherFetchOpen):
        ask(date(2015, 1, 2))

    (open_job,) = due_jobs("ingest", limit=9)
    assert UUID(same.value.extra["job_id"]) == open_job
    run_job("ingest", open_job, lease_seconds=60)
    ask(date(2015, 1, 2))


def test_what_a_failed_transaction_wrote_is_no_part_of_the_record() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(using="ingest"):
        import_rows_and_break()
    drain_everything()

    assert Run.objects.using("analytics").count() == 0


def import_rows_and_break() -> None:
    from services.ingest.market.services import record_series

    price = Decimal(10)
    bar = Bar(session=date(2015, 1, 2), open=price, high=price, low=price, close=price, volume=1)
    series = DailySeries(
        symbol="GONE", provider="csv", attribution="made up", bars=(bar,), splits=(), dividends=()
    )
    record_series(series=series, fetch_id=uuid4(), now=timezone.now())
    raise RuntimeError("after the event")


def test_a_fetch_that_asked_two_providers_is_tested_forecast_and_reported_on_once(
    vendor: Simulator, choose: of_ingest.Choose, db: psycopg.Connection[Any]
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage", "tiingo")

    fetch_id = requested("auto")
    drain_everything()

    version = fetch_by_id(fetch_id).version
    assert providers_of("AAPL", db) == {"alphavantage": 100, "tiingo": 500}
    assert InstrumentVersion.objects.using("ingest").count() == version == 2
    assert [run.data_version for run in Run.objects.using("analytics").all()] == [version]
    assert {each.data_version for each in Forecast.objects.using("analytics").all()} == {version}
    assert [report.state for report in reports()] == ["succeeded"]
