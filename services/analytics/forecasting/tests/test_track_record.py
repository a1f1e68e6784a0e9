"""Forecasts beside the prices that came, through the events and tables that hold them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from services.analytics.forecasting.domain import QUANTILES
from services.analytics.forecasting.models import ForecastScore
from services.analytics.forecasting.track_record import new_scores
from shared.contracts.codec import MAX_EVENT_BYTES, dumps, to_json
from shared.contracts.conclusions import ForecastIssued, ForecastRequested, ForecastsScored
from shared.eventstore.append import append
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.history import Dividend, PriceHistory

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(80))
CLOSES = {day: 100.0 + 7 * np.sin(number) for number, day in enumerate(DAYS)}

pytestmark = pytest.mark.usefixtures("db", "cause")


def bars_of(closes: dict[date, float], *, version: int, dividends: tuple[Dividend, ...] = ()) -> AdjustedBars:
    prices = np.array([closes[day] for day in sorted(closes)])
    history = PriceHistory(
        symbol="XYZ",
        version=version,
        sessions=np.array(sorted(closes), dtype="datetime64[D]"),
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=np.zeros(len(prices), dtype=np.int64),
        dividends=dividends,
    )
    return adjust(history, Basis.TOTAL_RETURN)


def issue(origin: int, *, version: int = 1) -> UUID:
    """Issue a forecast of +1 % for each of the 30 days after day `origin`."""
    forecast_id, close = uuid4(), CLOSES[DAYS[origin]]
    shared: dict[str, Any] = {
        "forecast_id": forecast_id,
        "kind": "live",
        "symbol": "XYZ",
        "data_version": version,
        "model": "linear-returns",
        "model_version": "1",
    }
    issued = ForecastIssued(
        **shared,
        basis="total_return",
        model_sha256="0" * 64,
        model_scores={},
        calendar_version="days",
        origin_session=DAYS[origin],
        origin_close=close,
        target_sessions=DAYS[origin + 1 : origin + 31],
        point=(1.01 * close,) * 30,
        quantiles={str(level): ((0.9 + 0.2 * level) * close,) * 30 for level in QUANTILES},
        random_walk=(close,) * 30,
        volatility=0.02,
    )
    with transaction.atomic(using="analytics"):
        append(
            "analytics",
            f"forecast-{forecast_id}",
            ForecastRequested(**shared, inputs_hash="0" * 64),
            issued,
            now=NOW,
        )
    return forecast_id


def score(bars: AdjustedBars) -> list[ForecastsScored]:
    events = new_scores(bars)
    with transaction.atomic(using="analytics"):
        append("analytics", "forecast_score-XYZ", *events, now=NOW)
    return events


def score_at(forecast_id: UUID, version: int) -> ForecastScore:
    return ForecastScore.objects.using("analytics").get(forecast_id=forecast_id, data_version=version)


def ids_in(events: Sequence[ForecastsScored]) -> set[UUID]:
    return {UUID(row["forecast_id"]) for event in events for row in event.scores}


def test_each_actual_stands_beside_its_own_day_when_a_session_is_missing() -> None:
    forecast_id = issue(0)
    known = {day: close for day, close in CLOSES.items() if day != DAYS[3]}

    score(bars_of(known, version=1))

    found = score_at(forecast_id, 1)
    expected = [CLOSES[day] for day in DAYS[1:31]]
    assert found.actual == [None if at == 2 else pytest.approx(close) for at, close in enumerate(expected)]
    assert found.scored_count == 29
    actual = np.delete(np.array(expected), 2)
    errors = np.abs(1.01 * CLOSES[DAYS[0]] - actual).mean() / np.abs(CLOSES[DAYS[0]] - actual).mean()
    assert found.mae_rw_ratio == pytest.approx(errors, rel=1e-12)


def test_a_forecast_whose_origin_has_no_bar_is_not_scored() -> None:
    issue(5)

    assert new_scores(bars_of({day: CLOSES[day] for day in DAYS[6:]}, version=1)) == []


def test_prices_that_tell_nothing_new_are_no_event() -> None:
    issue(0)
    first = score(bars_of(CLOSES, version=1))
    paid_later = (Dividend(ex_date=DAYS[60], amount=0.37), Dividend(ex_date=DAYS[70], amount=0.11))

    assert len(first) == 1
    assert score(bars_of(CLOSES, version=2)) == []
    assert score(bars_of(CLOSES, version=3, dividends=paid_later)) == []


def test_only_the_forecasts_that_a_correction_concerns_are_scored_again_and_the_old_score_stays() -> None:
    early, late = issue(0), issue(40)
    score(bars_of(CLOSES, version=1))

    events = score(bars_of({**CLOSES, DAYS[7]: 90.0}, version=2))

    assert ids_in(events) == {early}
    assert score_at(early, 1).actual[6] == pytest.approx(CLOSES[DAYS[7]])
    assert score_at(early, 2).actual[6] == pytest.approx(90.0)
    assert not ForecastScore.objects.using("analytics").filter(forecast_id=late, data_version=2).exists()


def test_a_dividend_within_a_forecast_scores_it_again() -> None:
    forecast_id = issue(0)
    score(bars_of(CLOSES, version=1))

    events = score(bars_of(CLOSES, version=2, dividends=(Dividend(ex_date=DAYS[10], amount=1.0),)))

    assert ids_in(events) == {forecast_id}
    close = CLOSES[DAYS[10]]
    gain = (close + 1.0) / close
    assert score_at(forecast_id, 2).actual[8:10] == [
        pytest.approx(CLOSES[DAYS[9]]),
        pytest.approx(close * gain),
    ]


def test_a_forecast_is_scored_with_every_session_that_comes_until_its_last() -> None:
    forecast_id = issue(0)

    for last in range(1, 35):
        score(bars_of({day: CLOSES[day] for day in DAYS[: last + 1]}, version=last))

    rows = ForecastScore.objects.using("analytics").filter(forecast_id=forecast_id)
    counts = dict(rows.values_list("data_version", "scored_count"))
    assert counts == {version: version for version in range(1, 31)}


def test_a_version_scores_no_forecast_that_later_prices_made() -> None:
    earlier, later = issue(0, version=1), issue(0, version=2)

    assert ids_in(score(bars_of(CLOSES, version=1))) == {earlier}
    assert ids_in(score(bars_of(CLOSES, version=2))) == {later}


def test_a_job_that_comes_late_compares_with_the_version_before_its_own() -> None:
    forecast_id = issue(0)
    score(bars_of(CLOSES, version=1))
    score(bars_of({**CLOSES, DAYS[7]: 90.0}, version=3))

    events = score(bars_of({**CLOSES, DAYS[7]: 95.0}, version=2))

    assert ids_in(events) == {forecast_id}
    assert score_at(forecast_id, 2).actual[6] == pytest.approx(95.0)
    assert score_at(forecast_id, 3).actual[6] == pytest.approx(90.0)


def test_many_scores_are_told_in_events_of_a_hundred_and_written_at_once() -> None:
    ids = {issue(origin % 40) for origin in range(250)}

    with CaptureQueriesContext(connections["analytics"]) as queries:
        events = score(bars_of(CLOSES, version=1))

    assert [len(event.scores) for event in events] == [100, 100, 50]
    assert ids_in(events) == ids
    assert all(len(dumps(to_json(event))) < MAX_EVENT_BYTES / 2 for event in events)
    assert ForecastScore.objects.using("analytics").count() == 250
    assert len(queries) <= 15
