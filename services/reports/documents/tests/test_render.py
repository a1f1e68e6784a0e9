import hashlib
import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from services.reports.documents.canonical import canonical_json
from services.reports.documents.material import HeldChange, Metric
from services.reports.documents.render import RenderedReport, render
from services.reports.documents.tests.sample import (
    sample_forecast,
    sample_material,
    sample_record,
    sample_refusal,
    sample_run,
)
from shared.runs.tests.sample import sample_options

HOSTILE = {
    "image": "<img src=/etc/passwd>",
    "unclosed tag": "A&B <b",
    "entity": "&lt;para&gt; &#60;",
    "mathtext": r"$\frac{$",
    "percent": "%s %(x)d {0} {x!r}",
    "direction": "abc\u202egpj.exe",
    "control": "a\x00b\x1b[31m\ud800",
    "foreign": "日本語 العربية 🙂",
}


@pytest.fixture(scope="module")
def report() -> RenderedReport:
    return render(sample_material())


@pytest.fixture(scope="module")
def pages(report: RenderedReport) -> list[str]:
    return texts_of(report.pdf_bytes)


def texts_of(pdf: bytes) -> list[str]:
    """Return the text of each page, its spaces plain."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def dictionaries_of(pdf: bytes) -> list[DictionaryObject]:
    """Return every dictionary and stream of the file."""
    reader = PdfReader(io.BytesIO(pdf))
    found = (reader.get_object(number) for number in sorted(reader.xref[0]) if number)
    return [item for item in found if isinstance(item, DictionaryObject)]


def images_of(pdf: bytes) -> list[DictionaryObject]:
    """Return the raster images of the file."""
    return [item for item in dictionaries_of(pdf) if item.get("/Subtype") == "/Image"]


def test_the_pdf_prints_every_metric_of_the_json(report: RenderedReport, pages: list[str]) -> None:
    metrics = json.loads(report.json_bytes)["document"]["run"]["metrics"]
    text = " ".join(pages)

    assert len(metrics) == 18
    for metric in metrics:
        assert f"{metric['label']} {metric['text']} {metric['benchmark_text']}" in text


def test_the_pdf_prints_why_a_metric_is_undefined(pages: list[str]) -> None:
    assert "Profit factor – – no losing trade" in " ".join(pages)


def test_the_pdf_prints_every_trade_and_their_count(report: RenderedReport, pages: list[str]) -> None:
    run = json.loads(report.json_bytes)["document"]["run"]
    text = " ".join(pages)

    assert "Trades: 16 closed trades" in text
    assert len(run["trades"]) == 16
    assert all(" ".join(trade["text"]) in text for trade in run["trades"])
    assert run["open_position"]["text"] in text
    assert run["pending_order"]["text"] in text


def test_the_pdf_prints_every_session_of_the_forecast(report: RenderedReport, pages: list[str]) -> None:
    rows = json.loads(report.json_bytes)["document"]["forecast"]["rows"]
    text = " ".join(pages)

    assert len(rows) == 30
    assert all(" ".join(row["text"]) in text for row in rows)


def test_the_pdf_prints_the_verdicts_scores_and_sources(report: RenderedReport, pages: list[str]) -> None:
    document = json.loads(report.json_bytes)["document"]
    text = " ".join(pages)

    assert all(document[part]["verdict"] in text for part in ("run", "forecast", "backfilled"))
    assert all(f"{score['label']} {score['text']}" in text for score in document["backfilled"]["scores"])
    assert "Sample data to 2017-09-21" in text
    assert "Provider bundled 3,580 sessions Terms of bundled made up by a formula" in text
    assert "Definitions: metrics/1." in text
    assert document["notice"] in text


def test_every_page_carries_the_short_hash_and_one_the_whole(
    report: RenderedReport, pages: list[str]
) -> None:
    assert json.loads(report.json_bytes)["hash"] == report.hash
    assert hashlib.sha256(canonical_json(report.document)).hexdigest() == report.hash
    for number, page in enumerate(pages, start=1):
        assert f"document {report.hash[:12]}" in page
        assert f"page {number} of {len(pages)}" in page
    assert " ".join(pages).count(report.hash) == 1
    assert Image.open(io.BytesIO(report.png_bytes)).info["Description"] == f"document {report.hash}"


def test_the_pdf_holds_vectors_and_embedded_fonts_only(report: RenderedReport) -> None:
    assert not images_of(report.pdf_bytes)
    assert not any(page.images for page in PdfReader(io.BytesIO(report.pdf_bytes)).pages)
    kinds = [item.get("/Type") for item in dictionaries_of(report.pdf_bytes)]
    embedded = [item for item in dictionaries_of(report.pdf_bytes) if "/FontFile2" in item]
    assert kinds.count("/Font") == len(embedded) == 2


def test_the_files_stay_small(report: RenderedReport) -> None:
    assert len(report.pdf_bytes) <= 100_000
    assert len(report.png_bytes) <= 400_000


def test_equal_material_has_equal_bytes(report: RenderedReport) -> None:
    assert render(sample_material()) == report


def test_another_number_makes_other_files(report: RenderedReport) -> None:
    forecast = sample_forecast()
    other = render(sample_material(forecast=replace(forecast, point=(*forecast.point[:-1], 1.0))))

    assert other.hash != report.hash
    assert other.pdf_bytes != report.pdf_bytes
    assert other.png_bytes != report.png_bytes


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_printed_as_text(text: str) -> None:
    hostile = render(_with_text(text))
    printed = " ".join(texts_of(hostile.pdf_bytes))

    assert hostile.document["run"]["setup"]["strategy"] in printed or text == HOSTILE["foreign"]
    assert not {"\u202e", "\x00", "\x1b", "\ud800"} & set(hostile.json_bytes.decode())
    assert not images_of(hostile.pdf_bytes)


def test_endless_text_is_clipped_with_a_mark() -> None:
    hostile = render(_with_text("x" * 20_000))

    assert len(texts_of(hostile.pdf_bytes)) <= 5
    assert hostile.document["run"]["setup"]["strategy"] == "x" * 63 + "…"
    assert len(hostile.json_bytes) < 300_000


def test_a_report_of_refusals_says_what_to_do_and_draws_no_chart() -> None:
    refusal = sample_refusal()
    refused = render(sample_material(run=refusal, forecast=refusal, backfilled=refusal))
    pages = texts_of(refused.pdf_bytes)
    text = " ".join(pages)

    assert text.count("bellwether fetch DEMO") == 3
    assert "201 sessions needed, 40 stored: 161 missing." in text
    assert len(pages) == 1
    assert Image.open(io.BytesIO(refused.png_bytes)).height < 800


def test_what_a_reader_must_know_first_is_on_the_first_page_and_in_the_picture() -> None:
    change = HeldChange(
        provider="csv",
        detail="A price moved.",
        row_count=3,
        first_session=date(2016, 3, 1),
        last_session=date(2016, 3, 8),
        seen_date=date(2026, 11, 20),
    )
    plain = sample_material(run=sample_run(2, session_count=60))
    warned = replace(plain, held_changes=(change,))

    first_page = texts_of(render(warned).pdf_bytes)[0]
    heights = [Image.open(io.BytesIO(render(found).png_bytes)).height for found in (plain, warned)]

    assert "Held back A change of 3 stored rows (2016-03-01 to 2016-03-08) by csv" in first_page
    assert "in 59 sessions. Tested 2004-01-05 to 2004-03-25." in first_page
    assert heights[1] > heights[0] + 40


def test_whether_the_result_is_luck_stands_at_the_top_and_every_finding_below(
    report: RenderedReport, pages: list[str]
) -> None:
    run = json.loads(report.json_bytes)["document"]["run"]
    text = " ".join(pages)

    assert run["luck"]["text"].startswith("Not distinguishable from luck")
    assert pages[0].index(run["luck"]["text"]) < pages[0].index("Backtest against buy and hold")
    assert len(run["findings"]) == 9
    for finding in run["findings"]:
        assert f"{'! ' if finding['is_warning'] else ''}{finding['label']} {finding['text']}" in text


def test_options_are_printed_where_they_are_not_the_default(pages: list[str]) -> None:
    options = sample_options(stop_loss_ratio="0.0800", commission_per_order="1.0000")
    chosen = render(sample_material(run=replace(sample_run(), options=options)))
    text = " ".join(texts_of(chosen.pdf_bytes))

    assert "Stops stop loss 8 % below the fill" in text
    assert "Costs commission 5 bps + 1 for each order, slippage 2 bps" in text
    assert "Stops" not in " ".join(pages)


def test_a_run_that_was_made_before_there_were_tests_is_printed_and_says_so() -> None:
    older = render(sample_material(run=replace(sample_run(), truth=None)))

    assert "Not tested for luck." in texts_of(older.pdf_bytes)[0]
    assert older.document["run"]["findings"] == []


def test_a_forecast_without_a_backtest_begins_on_the_first_page() -> None:
    refusal = sample_refusal()

    pages = texts_of(render(sample_material(run=refusal, backfilled=refusal)).pdf_bytes)

    assert "Forecast of the next sessions" in pages[0]
    assert len(pages) == 2


@pytest.mark.parametrize("trade_count", [0, 1, 250])
def test_any_number_of_trades_is_stated(trade_count: int) -> None:
    run = sample_run(trade_count)
    many = render(sample_material(run=replace(run, open_position=None, pending_order=None)))
    text = " ".join(texts_of(many.pdf_bytes))

    assert len(run.trades) == trade_count
    assert f"Trades: {trade_count} closed trade{'' if trade_count == 1 else 's'}" in text
    assert ("The first 200 are listed; the JSON holds all." in text) == (trade_count > 200)
    assert len(many.document["run"]["trades"]) == trade_count


def test_flat_short_and_worthless_series_are_drawn() -> None:
    run = sample_run(0, session_count=20)
    broke = replace(run, equity=(10_000.0, *(0.0,) * 19), drawdown_ratio=(0.0, *(-1.0,) * 19))
    day, flat = sample_forecast().origin_session, (5.0,) * 30
    still = replace(
        sample_forecast(),
        origin_close=5.0,
        point=flat,
        random_walk=flat,
        quantiles=dict.fromkeys(sample_forecast().quantiles, flat),
        recent_sessions=(day,),
        recent_closes=(5.0,),
    )
    unknown = replace(sample_record(None), actual=(None,) * 30, coverage80_ratio=None, coverage95_ratio=None)

    text = " ".join(
        texts_of(render(sample_material(run=broke, forecast=still, backfilled=unknown)).pdf_bytes)
    )

    assert "Worst −100.0 %" in text
    assert "No closed trades in 19 sessions: one position is open." in text
    assert "Not scored: no actual close is known yet." in text


def _with_text(text: str) -> Any:
    run, forecast = sample_run(2, session_count=60), sample_forecast()
    metric = Metric(name="odd", label=text, unit="number", value=None, reason=text)
    material = sample_material(
        symbol=text,
        run=replace(run, strategy=text, parameters={text: text}, metrics=(run.metrics[0], metric)),
        forecast=replace(forecast, model=text, model_version=text, model_scores=((text, text),)),
        backfilled=replace(sample_refusal(), slug=text, detail=text),
    )
    source = replace(material.coverage.sources[0], provider=text, attribution=text, notes=(text, text))
    return replace(material, coverage=replace(material.coverage, sources=(source, source)))
