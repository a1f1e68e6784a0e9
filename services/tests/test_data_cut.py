"""What a result says depends on its version of the prices, whatever is told later."""

import csv
from datetime import date
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone

from services.analytics.forecasting.domain import QUANTILES
from services.analytics.forecasting.features import LOOKBACK_CLOSES
from services.analytics.forecasting.model import shipped_model
from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from services.analytics.forecasting.scoring import score_path, summarise
from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.ingest.quarantine.services import accept_change
from services.ingest.sessions.domain import LAST_DATE, sessions_between
from services.reports.documents.assembly import assemble
from services.reports.documents.models import Report
from services.reports.documents.render import RenderedReport, render
from services.tests.pipeline import drain_everything
from services.tests.test_main_job import BUNDLED, HEADER, fetch, files_of, text_of
from shared.eventstore.jobs import due_jobs
from shared.http.tests.api_client import ApiClient

ONE_BAR = f"{HEADER}2016-08-01,123.85,124.31,122.54,123.31,24734020\n"
ONE_DIVIDEND = ONE_BAR.replace("volume", "volume,dividend").replace("24734020", "24734020,0.5")

needs_db = pytest.mark.usefixtures("db", "cause")


def import_text(text: str, symbol: str = "FB", *, today: date | None = None, replaces: bool = False) -> None:
    now = timezone.now()
    series = parse_csv(text.encode(), symbol, today=today or now.date())
    found = import_series(fetch_id=uuid4(), series=series, now=now, replaces=replaces)
    if found.quarantine_id:  # one bar that replaces another provider's is too little to tell whose it is
        accept_change(quarantine_id=found.quarantine_id, decided_by="anna", now=timezone.now())
    drain_everything()


def bundled_lines(symbol: str) -> list[str]:
    return (BUNDLED / f"{symbol}.csv").read_text().splitlines()


def report_of(version: int) -> Report:
    return Report.objects.using("reports").get(symbol="FB", data_version=version)


def rendered_again(report: Report) -> RenderedReport:
    return render(
        assemble(
            run_id=report.run_id,
            forecast_id=report.forecast_id,
            backfill_id=report.backfill_id,
            symbol=report.symbol,
            data_version=report.data_version,
            held_change_ids=(),
        )
    )


def forecasts_at(version: int) -> dict[str, Forecast]:
    found = Forecast.objects.using("analytics").filter(data_version=version)
    return {forecast.kind: forecast for forecast in found}


@needs_db
@pytest.mark.parametrize("correction", [ONE_BAR, ONE_DIVIDEND])
def test_a_report_on_version_one_is_the_same_to_the_byte_after_a_correction(correction: str) -> None:
    fetch("FB")
    before = files_of("FB")

    import_text(correction, replaces=True)

    again = rendered_again(report_of(1))
    assert again.hash == report_of(1).document_hash
    assert {"pdf": again.pdf_bytes, "json": again.json_bytes, "png": again.png_bytes} == before
    assert report_of(2).document_hash != report_of(1).document_hash


@needs_db
def test_that_prices_of_a_report_were_corrected_is_told_beside_it(token: str) -> None:
    fetch("FB")
    import_text(ONE_BAR, replaces=True)

    listed = ApiClient(token).show("/api/v1/reports/", symbol="FB")["results"]

    assert [(row["data_cut"], row["outdated_by_version"]) for row in listed] == [
        ({"FB": 2}, None),
        ({"FB": 1}, 2),
    ]


@needs_db
def test_a_report_names_every_provider_of_its_version_and_sample_data_as_such() -> None:
    fetch("FB")
    import_text(ONE_BAR, replaces=True)

    first, second = (rendered_again(report_of(version)) for version in (1, 2))

    assert [source["text"] for source in first.document["coverage"]["sources"]] == ["bundled 1,051 sessions"]
    assert [source["text"] for source in second.document["coverage"]["sources"]] == [
        "bundled 1,050 sessions",
        "csv 1 session",
    ]
    text = text_of(second.pdf_bytes)
    assert "bundled 1,050 sessions, csv 1 session" in text
    assert "Terms of bundled" in text
    assert "imported file; its terms are the importer's to know" in text
    assert "Sample data to 2016-08-10" in text


@needs_db
def test_a_provider_of_dividends_alone_is_named_too() -> None:
    fetch("FB")
    known = next(line for line in bundled_lines("FB") if line.startswith("2016-08-01"))
    bar = ",".join(known.split(",")[:6])
    import_text(f"{HEADER.strip()},dividend\n{bar},0.5\n")

    sources = rendered_again(report_of(2)).document["coverage"]["sources"]

    assert [source["text"] for source in sources] == [
        "bundled 1,051 sessions",
        "csv splits or dividends only",
    ]


@needs_db
def test_a_session_that_is_missing_has_no_actual_price_and_moves_no_other() -> None:
    lines = bundled_lines("FB")
    gone = lines.pop(-11)
    missing = date.fromisoformat(gone.split(",")[0])
    import_text("\n".join(lines))

    backfilled = forecasts_at(1)["backfilled"]
    targets = ForecastPoint.objects.using("analytics").filter(forecast_id=backfilled.id).order_by("horizon")
    days = list(targets.values_list("target_session", flat=True))
    score = ForecastScore.objects.using("analytics").get(forecast_id=backfilled.id)
    rows = {row["date"]: float(row["adj_close"]) for row in csv.DictReader([*lines, gone])}
    unit = float(backfilled.origin_close or 0) / rows[str(backfilled.origin_session)]
    assert missing in days
    assert score.actual == [
        None if day == missing else pytest.approx(unit * rows[str(day)], rel=1e-9) for day in days
    ]
    assert score.scored_count == 29


@needs_db
def test_a_forecast_beyond_the_end_of_the_calendar_is_refused() -> None:
    days = sessions_between(date(LAST_DATE.year, 1, 1), LAST_DATE)[-140:]
    rows = [f"{day},10,12,9,{10 + number % 7 / 10},1" for number, day in enumerate(days)]

    import_text(HEADER + "\n".join(rows), "XYZ", today=LAST_DATE)

    made = forecasts_at(1)
    assert (made["live"].state, made["backfilled"].state) == ("refused", "succeeded")
    problem = made["live"].problem or {}
    assert (problem["status"], problem["type"]) == (422, "/problems/calendar-too-short")
    assert problem["detail"] == f"The calendar has 0 sessions after {days[-1]}; 30 are needed."


@needs_db
def test_scores_that_fail_lose_no_forecast_and_come_with_the_next_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(bars: Any) -> Any:
        raise ValueError("no score today")

    with monkeypatch.context() as patched:
        patched.setattr("services.analytics.forecasting.services.new_scores", broken)
        fetch("FB")
    assert {kind: forecast.state for kind, forecast in forecasts_at(1).items()} == {
        "live": "succeeded",
        "backfilled": "succeeded",
    }
    assert not ForecastScore.objects.using("analytics").exists()

    import_text(ONE_BAR, replaces=True)

    scored = ForecastScore.objects.using("analytics").values_list("forecast_id", "data_version")
    assert set(scored) == {(forecasts_at(version)["backfilled"].id, 2) for version in (1, 2)}
    assert due_jobs("analytics", limit=1) == []


def test_several_origins_of_apple_are_scored_as_worked_out_independently() -> None:
    closes = np.array([float(row["adj_close"]) for row in csv.DictReader(bundled_lines("AAPL"))])
    levels = np.array(QUANTILES)[:, np.newaxis]
    z = np.array(
        [-1.95996398454, -1.28155156554, -0.674489750196, 0, 0.674489750196, 1.28155156554, 1.95996398454]
    )
    scores, errors, walk_errors, losses, walk_losses, inside = [], [], [], [], [], []
    for origin in range(closes.size - 31, closes.size - 31 - 8 * 41, -41):
        path = shipped_model().forecast(closes[origin + 1 - LOOKBACK_CLOSES : origin + 1], symbol="AAPL")
        scores.append(score_path(path, closes[origin : origin + 31]))

        came = closes[origin + 1 : origin + 31] / closes[origin]
        band = path.quantiles / closes[origin]
        returns = np.diff(np.log(closes[origin - 99 : origin + 1]))
        walk = np.exp(path.scale * np.outer(z, np.sqrt(np.arange(1, 31))))
        assert path.scale == pytest.approx(np.sqrt(np.mean(returns**2)), rel=1e-9)
        errors.append(np.abs(path.point / closes[origin] - came))
        walk_errors.append(np.abs(1 - came))
        losses.append(
            np.where(came < band, (1 - levels) * (band - came), levels * (came - band)).mean(axis=0)
        )
        walk_losses.append(
            np.where(came < walk, (1 - levels) * (walk - came), levels * (came - walk)).mean(axis=0)
        )
        inside.append((band[1] <= came) & (came <= band[5]))
    for score, error, walk_error in zip(scores, errors, walk_errors, strict=True):
        assert summarise(score).mae_ratio == pytest.approx(error.sum() / walk_error.sum(), rel=1e-9)

    whole = summarise([row for score in scores for row in score])

    assert whole.n == 240
    assert whole.mae_ratio == pytest.approx(np.mean(errors) / np.mean(walk_errors), rel=1e-9)
    assert whole.pinball_ratio == pytest.approx(np.mean(losses) / np.mean(walk_losses), rel=1e-8)
    assert whole.coverage80_ratio == pytest.approx(np.mean(inside))
