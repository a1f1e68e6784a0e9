from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.reports.documents.canonical import canonical_json, content_hash
from services.reports.documents.domain import build_document
from services.reports.documents.material import (
    Gap,
    HeldChange,
    Refusal,
    Renaming,
    ReportMaterial,
    Source,
    UnusedPart,
)
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


def with_hole(material: ReportMaterial) -> ReportMaterial:
    unused = UnusedPart(session_count=1250, last_session=date(2003, 5, 2), next_session=date(2004, 1, 2))
    return replace(material, coverage=replace(material.coverage, unused=unused))


def held_change(days: int) -> HeldChange:
    return HeldChange(
        provider="csv",
        detail="A price moved.",
        row_count=days,
        first_session=date(2016, 3, 1),
        last_session=date(2016, 3, days),
        seen_date=date(2026, 11, 20),
    )


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
        "bellwether key tiingo && bellwether fetch DEMO",
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
    told_with = f"bundled, 2004-01-02 to {bundled.last_noted_session}: "
    assert coverage["notes"] == [told_with + bundled.notes[0], "csv: odd", "tiingo: odd"]


def test_missing_sessions_are_named_as_ranges() -> None:
    coverage = build_document(sample_material())["coverage"]

    assert coverage["missing_text"] == "7: 2015-07-16, 2016-03-01 to 2016-03-08 (6 sessions)"
    assert (coverage["missing_count"], coverage["gap_count"]) == (7, 2)
    assert coverage["gaps"][1] == {
        "first_session": "2016-03-01",
        "last_session": "2016-03-08",
        "session_count": 6,
        "text": "2016-03-01 to 2016-03-08 (6 sessions)",
    }


def test_of_many_ranges_the_longest_are_named_in_their_order() -> None:
    first = date(2015, 1, 2)
    singles = [
        Gap(first_session=day, last_session=day, session_count=1)
        for day in (first + timedelta(days=2 * number) for number in range(200))
    ]
    last = Gap(first_session=date(2017, 1, 3), last_session=date(2017, 3, 3), session_count=42)
    material = sample_material()
    material = replace(material, coverage=replace(material.coverage, gaps=(*singles, last)))

    coverage = build_document(material)["coverage"]

    assert coverage["missing_text"].startswith("242: 2015-01-02, 2015-01-04, ")
    assert coverage["missing_text"].endswith("2017-01-03 to 2017-03-03 (42 sessions) and 189 more ranges")
    assert (coverage["gap_count"], len(coverage["gaps"]), coverage["gaps"][-1]["session_count"]) == (
        201,
        100,
        42,
    )


def test_no_missing_session_is_said_so() -> None:
    material = sample_material()
    material = replace(material, coverage=replace(material.coverage, gaps=()))

    assert build_document(material)["coverage"]["missing_text"] == "none"


def test_the_tested_days_are_said_and_those_that_are_not() -> None:
    document = build_document(with_hole(sample_material(run=sample_run(trade_count=2, session_count=30))))

    assert document["run"]["tested"] == "2004-01-05 to 2004-02-12, 29 sessions"
    assert document["run"]["verdict"].endswith(" Tested 2004-01-05 to 2004-02-12.")
    assert document["attention"] == [
        {
            "label": "Not used",
            "text": "1,250 earlier sessions up to 2003-05-02 are not used: no prices are stored from then to 2004-01-02.",
        }
    ]


def test_a_refusal_after_a_hole_counts_the_sessions_since() -> None:
    section = build_document(with_hole(sample_material(run=sample_refusal())))["run"]

    assert section["verdict"] == "Refused. 201 sessions needed, 40 stored since 2004-01-02: 161 missing."


def test_who_has_asked_a_source_of_history_is_not_sent_there_again() -> None:
    material = sample_material(run=sample_refusal())
    source = replace(material.coverage.sources[0], provider="tiingo")
    material = replace(material, coverage=replace(material.coverage, sources=(source,)))

    assert build_document(material)["run"]["remedy"] == {
        "import a file": "bellwether import FILE --symbol DEMO"
    }


def test_prices_help_against_nothing_but_their_lack() -> None:
    refusal = Refusal(slug="calendar-too-short", detail="The calendar ends.")

    section = build_document(sample_material(forecast=refusal))["forecast"]

    assert (section["verdict"], section["remedy"]) == ("Refused.", {})


def test_changes_that_wait_for_an_operator_come_before_the_numbers() -> None:
    changes = tuple(held_change(number) for number in range(1, 6))

    document = build_document(replace(sample_material(), held_changes=changes))

    assert [item["label"] for item in document["attention"]] == ["Held back"] * 4
    assert document["attention"][0]["text"] == (
        "A change of 1 stored row (2016-03-01) by csv, seen on 2026-11-20, waits for your decision and is not"
        " applied: bellwether quarantine list. A price moved."
    )
    assert "2 stored rows (2016-03-01 to 2016-03-02)" in document["attention"][1]["text"]
    assert document["attention"][3]["text"].startswith("In all 5 changes wait for your decision")
    assert [change["row_count"] for change in document["held_changes"]] == [1, 2, 3, 4, 5]


def test_what_waits_and_what_is_not_used_is_in_the_hash() -> None:
    material = with_hole(replace(small_material(), held_changes=(held_change(2),)))
    facts = (material.held_changes, material.coverage.unused)
    others = [replace(material, held_changes=held) for held in changed(facts[0])]
    others += [
        replace(material, coverage=replace(material.coverage, unused=part)) for part in changed(facts[1])
    ]
    hashes = [content_hash(build_document(other)) for other in others]

    assert len({content_hash(build_document(material)), *hashes}) == len(hashes) + 1 == 8


def test_prices_that_end_under_a_former_name_name_the_later_one() -> None:
    renamed = replace(sample_material(), renaming=Renaming(symbol="META", on=date(2022, 6, 9)))

    assert build_document(renamed)["attention"] == [
        {
            "label": "Renamed",
            "text": "DEMO is called META since 2022-06-09; later prices come under that name: bellwether fetch META",
        }
    ]


def test_data_of_other_providers_is_no_sample() -> None:
    whole = sample_material().coverage
    sources = tuple(replace(source, is_sample=False) for source in whole.sources)

    document = build_document(replace(sample_material(), coverage=replace(whole, sources=sources)))

    assert document["coverage"]["sample_note"] is None


def test_the_document_is_json_without_a_loss() -> None:
    document = build_document(small_material())

    assert canonical_json(document).startswith(b'{"attention":[],"backfilled":{"basis":"total_return"')


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
