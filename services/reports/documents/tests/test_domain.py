from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.reports.documents.canonical import canonical_json, content_hash
from services.reports.documents.domain import build_document
from services.reports.documents.material import ReportMaterial, Source
from services.reports.documents.tests.sample import (
    SESSION_COUNT,
    sample_forecast,
    sample_material,
    sample_record,
    sample_refusal,
    sample_run,
)


def small_material() -> ReportMaterial:
    return sample_material(run=sample_run(trade_count=2, session_count=30))


def changed(value: Any) -> Iterator[Any]:
    """Yield copies of a value, each with one of its numbers or days changed."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, int | float):
        yield value + 1
    elif isinstance(value, date):
        yield date.fromordinal(value.toordinal() + 1)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from ((*value[:index], other, *value[index + 1 :]) for other in changed(item))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: other} for other in changed(item))
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from (
                replace(value, **{field.name: other}) for other in changed(getattr(value, field.name))
            )


def test_every_number_and_day_of_the_material_is_in_the_hash() -> None:
    material = small_material()
    hashes = [content_hash(build_document(other)) for other in changed(material)]

    assert len(hashes) > 800
    assert len({content_hash(build_document(material)), *hashes}) == len(hashes) + 1


@pytest.mark.parametrize("field", ["initial_capital", "commission_bps", "slippage_bps", "basis", "strategy"])
def test_the_words_that_set_up_a_run_are_in_the_hash(field: str) -> None:
    run = sample_run(trade_count=2, session_count=30)
    other = replace(run, **{field: "7"})  # type: ignore[arg-type]

    assert content_hash(build_document(sample_material(run=other))) != content_hash(
        build_document(sample_material(run=run))
    )


def test_a_forecast_row_holds_its_band_from_the_quantiles() -> None:
    forecast = sample_forecast()
    row = build_document(sample_material())["forecast"]["rows"][29]

    assert row["session"] == "2017-11-02"
    assert row["point"] == forecast.point[29]
    assert [row["low80"], row["high80"]] == [forecast.quantiles["0.1"][29], forecast.quantiles["0.9"][29]]
    assert [row["low95"], row["high95"]] == [forecast.quantiles["0.025"][29], forecast.quantiles["0.975"][29]]
    assert row["text"][1] == f"{forecast.point[29]:.2f}"


def test_an_unknown_actual_is_a_dash_and_not_a_zero() -> None:
    rows = build_document(sample_material())["backfilled"]["rows"]

    assert (rows[12]["actual"], rows[12]["text"][-1]) == (None, "–")
    assert rows[13]["text"][-1] == f"{rows[13]['actual']:.2f}"


def test_an_undefined_metric_keeps_its_reason() -> None:
    metrics = {item["name"]: item for item in build_document(sample_material())["run"]["metrics"]}

    assert metrics["profit_factor"]["value"] is None
    assert metrics["profit_factor"]["text"] == "–"
    assert metrics["profit_factor"]["reason"] == "no losing trade"


def test_the_headline_is_the_metrics_own_text() -> None:
    run = build_document(sample_material())["run"]
    metrics = {item["name"]: item for item in run["metrics"]}

    assert [item["text"] for item in run["headline"]] == [
        metrics[name]["text"] for name in ("total_return", "cagr", "max_drawdown", "sharpe")
    ]
    assert run["trade_count"] == len(run["trades"]) == 16


def test_a_refusal_says_what_is_missing_and_what_to_do() -> None:
    section = build_document(sample_material(run=sample_refusal()))["run"]

    assert section["state"] == "refused"
    assert section["missing_sessions"] == 161
    assert section["verdict"] == "Refused. 201 sessions needed, 40 stored: 161 missing."
    assert list(section["remedy"].values()) == [
        "bellwether fetch DEMO",
        "bellwether import FILE --symbol DEMO",
    ]


def test_sample_data_is_named_as_such_with_its_last_day() -> None:
    coverage = build_document(sample_material())["coverage"]

    assert coverage["sample_note"] == "Sample data to 2017-09-21"
    assert coverage["session_count"] == SESSION_COUNT


def test_every_source_is_named_with_its_share_and_sample_data_ends_with_its_own_last_day() -> None:
    whole = sample_material().coverage
    bundled = replace(whole.sources[0], session_count=1050, last_session=date(2016, 8, 9))
    csv = Source(
        provider="csv",
        attribution="a file",
        session_count=1,
        last_session=date(2016, 8, 10),
        notes=("odd",),
    )
    actions = replace(csv, provider="tiingo", session_count=0, last_session=None)
    material = replace(sample_material(), coverage=replace(whole, sources=(bundled, csv, actions)))

    coverage = build_document(material)["coverage"]

    assert [source["text"] for source in coverage["sources"]] == [
        "bundled 1,050 sessions",
        "csv 1 session",
        "tiingo splits or dividends only",
    ]
    assert coverage["sample_note"] == "Sample data to 2016-08-09"
    assert coverage["notes"] == [*bundled.notes, "odd", "odd"]


def test_data_of_other_providers_is_no_sample() -> None:
    whole = sample_material().coverage
    sources = tuple(replace(source, is_sample=False) for source in whole.sources)

    document = build_document(replace(sample_material(), coverage=replace(whole, sources=sources)))

    assert document["coverage"]["sample_note"] is None


def test_the_document_is_json_without_a_loss() -> None:
    document = build_document(small_material())

    assert canonical_json(document).startswith(b'{"backfilled":{"basis":"total_return"')


def test_series_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        build_document(sample_material(run=replace(sample_run(), equity=(1.0, 2.0))))
    with pytest.raises(ValueError, match="differ in length"):
        build_document(sample_material(backfilled=replace(sample_record(), actual=(1.0,))))


def test_a_forecast_without_a_band_is_refused() -> None:
    quantiles = {level: prices for level, prices in sample_forecast().quantiles.items() if level != "0.975"}

    with pytest.raises(KeyError):
        build_document(sample_material(forecast=replace(sample_forecast(), quantiles=quantiles)))


def test_a_number_that_json_lacks_never_reaches_a_file() -> None:
    forecast = sample_forecast()
    broken = replace(forecast, point=(float("nan"), *forecast.point[1:]))

    with pytest.raises(ValueError, match="null and a reason"):
        content_hash(build_document(sample_material(forecast=broken)))


def test_an_origin_that_the_model_was_made_from_is_named_as_such() -> None:
    record = sample_record(0.9)
    origin = record.forecast.origin_session
    seen = replace(record, forecast=replace(record.forecast, trained_until=origin))
    unseen = replace(record, forecast=replace(record.forecast, trained_until=origin - timedelta(days=1)))

    verdicts = [
        build_document(sample_material(backfilled=found))["backfilled"]["verdict"] for found in (seen, unseen)
    ]

    assert [("no test" in verdict) for verdict in verdicts] == [True, False]
