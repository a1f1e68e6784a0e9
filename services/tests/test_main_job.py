"""The numbers of the main job, from a fetch to the report's files, against figures worked out elsewhere."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from django.utils import timezone
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from services.analytics.backtests.models import Run
from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from services.ingest.fetches.services import import_series, request_fetch
from services.ingest.providers.csv_import import parse_csv
from services.reports.documents.models import Report, ReportFile
from services.tests.independent_backtest import backtest_moving_average_dip
from services.tests.pipeline import drain_everything

BUNDLED = Path(__file__).resolve().parents[1] / "ingest/providers/bundled"
HEADER = "date,open,high,low,close,volume\n"

pytestmark = pytest.mark.usefixtures("db", "cause")


def fetch(symbol: str) -> None:
    request_fetch(
        fetch_id=uuid4(), symbol=symbol, provider="bundled", start=None, end=None, now=timezone.now()
    )
    drain_everything()


def files_of(symbol: str) -> dict[str, bytes]:
    report = Report.objects.using("reports").get(symbol=symbol)
    assert report.state == "succeeded", report.problem
    return {
        form: bytes(ReportFile.objects.using("reports").get(sha256=sha256).body)
        for form, sha256 in (report.files or {}).items()
    }


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_run_on_apple_has_the_figures_that_were_worked_out_independently() -> None:
    rows = list(csv.DictReader((BUNDLED / "AAPL.csv").read_text().splitlines()))
    ratio = np.array([float(row["split_ratio"]) for row in rows])
    later_splits = np.append(np.cumprod(ratio[::-1])[::-1][1:], 1.0)
    expected = backtest_moving_average_dip(
        opens=list(np.array([float(row["open"]) for row in rows]) / later_splits),
        closes=list(np.array([float(row["close"]) for row in rows]) / later_splits),
        dividends=list(np.array([float(row["dividend"]) for row in rows]) / later_splits),
    )

    fetch("AAPL")

    run = Run.objects.using("analytics").get()
    figures = {metric["name"]: metric["value"] for metric in run.metrics or ()}
    assert run.trade_count == expected.trade_count == 16
    assert figures["total_return"] == pytest.approx(expected.total_return, rel=1e-9)
    assert figures["max_drawdown"] == pytest.approx(expected.max_drawdown, rel=1e-9)
    assert figures["sharpe"] == pytest.approx(expected.sharpe, rel=1e-9)
    assert run.session_count == len(rows)


def test_the_backfilled_forecast_is_scored_and_its_ratio_is_printed_even_above_one() -> None:
    closes = [
        float(row["adj_close"]) for row in csv.DictReader((BUNDLED / "AAPL.csv").read_text().splitlines())
    ]

    fetch("AAPL")

    backfilled = Forecast.objects.using("analytics").get(kind="backfilled")
    points = list(
        ForecastPoint.objects.using("analytics").filter(forecast_id=backfilled.id).order_by("horizon")
    )
    origin, actual = closes[-31], np.array(closes[-30:])
    forecast = np.array([point.point for point in points]) * origin / float(backfilled.origin_close or 0)
    ratio = np.abs(forecast - actual).mean() / np.abs(origin - actual).mean()
    score = ForecastScore.objects.using("analytics").get(forecast_id=backfilled.id)
    assert score.mae_rw_ratio == pytest.approx(ratio, rel=1e-6)
    assert score.scored_count == 30
    assert ratio > 1
    assert f"{ratio:.2f}" in text_of(files_of("AAPL")["pdf"])
    assert score.actual == pytest.approx(
        list(actual / origin * float(backfilled.origin_close or 0)), rel=1e-6
    )


def test_the_pdf_says_what_the_json_says_under_the_same_hash_and_holds_no_picture() -> None:
    fetch("FB")

    files = files_of("FB")
    report = json.loads(files["json"])
    text = text_of(files["pdf"])
    document = report["document"]
    assert report["hash"] == Report.objects.using("reports").get().document_hash
    assert report["hash"] in text
    for metric in document["run"]["metrics"]:
        assert f"{metric['label']} {metric['text']} {metric['benchmark_text']}" in text
    assert f"{document['run']['trade_count']} closed trades" in text
    assert len(document["forecast"]["rows"]) == 30
    for row in document["forecast"]["rows"]:
        assert " ".join(row["text"]) in text
    assert images_in(files["pdf"]) == []


def images_in(pdf: bytes) -> list[Any]:
    reader = PdfReader(io.BytesIO(pdf))
    objects = (reader.get_object(number) for number in reader.xref[0] if number)
    return [
        item for item in objects if isinstance(item, DictionaryObject) and item.get("/Subtype") == "/Image"
    ]


def test_the_same_prices_give_the_same_report_to_the_byte_in_another_installation(
    db: psycopg.Connection[Any],
) -> None:
    fetch("GOOG")
    first = files_of("GOOG")
    db.execute(
        "TRUNCATE ingest.event, ingest.outbox, ingest.bar, ingest.action, ingest.instrument,"
        " ingest.instrument_version, ingest.fetch, ingest.job, analytics.event, analytics.outbox,"
        " analytics.inbox, analytics.stream_position, analytics.run, analytics.run_trade,"
        " analytics.run_equity, analytics.forecast, analytics.forecast_point, analytics.forecast_score,"
        " analytics.job, reports.event, reports.outbox, reports.inbox, reports.stream_position,"
        " reports.report, reports.report_part, reports.report_file, reports.job"
    )

    fetch("GOOG")

    assert files_of("GOOG") == first


def test_fetching_the_same_prices_again_changes_nothing() -> None:
    fetch("FB")
    before = Run.objects.using("analytics").get().id

    fetch("FB")

    assert Run.objects.using("analytics").get().id == before
    assert Report.objects.using("reports").count() == 1


@pytest.mark.parametrize(
    ("sessions", "run_state", "live_state", "backfilled_state"),
    [(99, "refused", "refused", "refused"), (120, "refused", "succeeded", "refused")],
)
def test_too_little_history_is_said_and_the_next_update_tries_again(
    sessions: int, run_state: str, live_state: str, backfilled_state: str
) -> None:
    lines = (BUNDLED / "FB.csv").read_text().splitlines()
    short = "\n".join([lines[0], *lines[1 : sessions + 1]]).encode()
    today = timezone.now().date()

    import_series(fetch_id=uuid4(), series=parse_csv(short, "FB", today=today), now=timezone.now())
    drain_everything()

    assert Run.objects.using("analytics").get().state == run_state
    states = dict(Forecast.objects.using("analytics").values_list("kind", "state"))
    assert states == {"live": live_state, "backfilled": backfilled_state}
    problem = Run.objects.using("analytics").get().problem or {}
    assert (problem["needed_sessions"], problem["present_sessions"]) == (201, sessions)
    said = f"Refused. 201 sessions needed, {sessions} stored: {201 - sessions} missing."
    assert said in text_of(files_of("FB")["pdf"])

    whole = "\n".join(lines).encode()
    import_series(fetch_id=uuid4(), series=parse_csv(whole, "FB", today=today), now=timezone.now())
    drain_everything()

    assert Run.objects.using("analytics").get(data_version=2).state == "succeeded"
    assert Report.objects.using("reports").filter(data_version=2, state="succeeded").count() == 1
