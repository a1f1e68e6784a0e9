from dataclasses import asdict, replace
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.forecasting.domain import ForecastPath, InvalidCloses, path_from_returns
from services.analytics.forecasting.scoring import NO_ACTUALS, NO_MOVE, score_path, summarise

Z = [-1.959963984540054, -1.2815515655446004, -0.6744897501960817, 0.0]
Z = [*Z, 0.6744897501960817, 1.2815515655446004, 1.959963984540054]
LEVELS = [0.025, 0.10, 0.25, 0.50, 0.75, 0.90, 0.975]
PATH = ForecastPath(
    origin_close=200.0,
    scale=0.02,
    point=np.full(30, 202.0),
    quantiles=np.repeat([[190.0], [194.0], [198.0], [200.0], [204.0], [208.0], [212.0]], 30, axis=1),
)
maybe_closes = st.lists(st.none() | st.floats(1.0, 1000.0), max_size=30)
closes_ahead = st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=31)


def test_one_session_is_scored_as_worked_out_by_hand() -> None:
    # In returns: quantiles 0.95 .97 .99 1 1.02 1.04 1.06, point 1.01, actual 1.03. The seven losses are
    # .025*.08, .1*.06, .25*.04, .5*.03, .75*.01, .1*.01, .025*.03; their sum is .04225.
    (score,) = score_path(PATH, [200.0, 206.0])

    assert score.horizon == 1
    assert score.actual_return == pytest.approx(0.03)
    assert score.abs_error == pytest.approx(0.02)
    assert score.rw_abs_error == pytest.approx(0.03)
    assert (score.in80, score.in95) == (True, True)
    assert score.pinball == pytest.approx(0.04225 / 7)


def test_the_random_walk_is_scored_on_its_gaussian_band_of_the_same_volatility() -> None:
    scores = score_path(PATH, [200.0, 206.0, 206.0, 206.0, 206.0])

    errors = [1.03 - exp(0.02 * sqrt(4) * z) for z in Z]
    losses = [max(q * e, (q - 1) * e) for q, e in zip(LEVELS, errors, strict=True)]
    assert scores[3].rw_pinball == pytest.approx(sum(losses) / 7, rel=1e-12)


@pytest.mark.parametrize(
    ("actual", "in80", "in95"),
    [
        (189.0, False, False),
        (191.0, False, True),
        (195.0, True, True),
        (209.0, False, True),
        (213.0, False, False),
    ],
)
def test_an_actual_counts_as_covered_only_between_the_right_quantiles(
    actual: float, in80: bool, in95: bool
) -> None:
    (score,) = score_path(PATH, [200.0, actual])

    assert (score.in80, score.in95) == (in80, in95)


def test_a_split_since_the_forecast_changes_no_score() -> None:
    closes = np.linspace(200.0, 230.0, 31)

    before, after = score_path(PATH, closes), score_path(PATH, closes / 4)

    assert [asdict(score) for score in after] == [pytest.approx(asdict(score)) for score in before]


def test_a_summary_averages_errors_before_it_divides_them() -> None:
    # Errors .02 and .04 against .03 and .05: the ratio of means is .06 / .08.
    summary = summarise(score_path(PATH, [200.0, 206.0, 210.0]))

    assert summary.n == 2
    assert summary.mae == pytest.approx(0.03)
    assert summary.rw_mae == pytest.approx(0.04)
    assert summary.mae_ratio == pytest.approx(0.75)
    assert (summary.coverage80_ratio, summary.coverage95_ratio) == (0.5, 1.0)
    assert summary.reasons == {}


def test_a_forecast_worse_than_the_flat_line_has_a_ratio_above_one() -> None:
    assert summarise(score_path(PATH, [200.0, 198.0])).mae_ratio == pytest.approx(2.0)


def test_a_price_that_did_not_move_leaves_the_ratio_undefined_with_its_reason() -> None:
    summary = summarise(score_path(PATH, [200.0, 200.0]))

    assert summary.mae == pytest.approx(0.01)
    assert summary.mae_ratio is None
    assert summary.reasons == {"mae_ratio": NO_MOVE}


def test_nothing_closed_yet_is_an_empty_score_with_its_reason() -> None:
    assert score_path(PATH, [200.0]) == []

    summary = summarise([])

    undefined = {name for name, value in asdict(summary).items() if value is None}
    assert summary.n == 0
    assert undefined == set(summary.reasons)
    assert set(summary.reasons.values()) == {NO_ACTUALS}


@pytest.mark.parametrize("closes", [[200.0, float("nan")], [0.0, 200.0], [200.0, float("inf")]])
def test_a_close_that_is_no_price_is_never_scored(closes: list[float]) -> None:
    with pytest.raises(InvalidCloses):
        score_path(PATH, closes)


def test_a_session_without_a_close_keeps_its_place_and_is_not_scored() -> None:
    # Only the point of horizon 3 differs: had the gap moved the closes, horizon 2 would get its error.
    point = PATH.point.copy()
    point[2] = 220.0
    path = replace(PATH, point=point)

    scores = score_path(path, [200.0, 206.0, None, 210.0])

    assert [score.horizon for score in scores] == [1, 3]
    assert [score.abs_error for score in scores] == [pytest.approx(0.02), pytest.approx(0.05)]
    losses = [max(q * e, (q - 1) * e) for q, e in zip(LEVELS, _walk_errors(1.05, horizon=3), strict=True)]
    assert scores[1].rw_pinball == pytest.approx(sum(losses) / 7, rel=1e-12)


def _walk_errors(actual: float, *, horizon: int) -> list[float]:
    return [actual - exp(0.02 * sqrt(horizon) * z) for z in Z]


@given(maybe_closes)
def test_sessions_without_a_close_change_no_other_score(closes: list[float | None]) -> None:
    filled = [200.0 if close is None else close for close in closes]

    scores = {score.horizon: score for score in score_path(PATH, [200.0, *closes])}

    assert scores == {
        score.horizon: score
        for score in score_path(PATH, [200.0, *filled])
        if closes[score.horizon - 1] is not None
    }


@pytest.mark.parametrize("closes", [[], [200.0] * 32, [[200.0]], [None, 200.0]])
def test_closes_of_the_wrong_length_or_without_an_origin_are_refused(closes: list[float]) -> None:
    with pytest.raises(ValueError, match="closes must be"):
        score_path(PATH, closes)


@given(closes_ahead)
def test_the_walk_errs_by_the_move_and_the_wide_band_holds_the_narrow_one(closes: list[float]) -> None:
    for score in score_path(PATH, closes):
        assert score.rw_abs_error == abs(score.actual_return)
        assert score.in95 or not score.in80
        assert min(score.abs_error, score.pinball, score.rw_pinball) >= 0


@given(closes_ahead, st.integers(0, 30))
def test_scores_so_far_never_change_when_more_sessions_close(closes: list[float], known: int) -> None:
    assert score_path(PATH, closes[: known + 1]) == score_path(PATH, closes)[:known]


@given(closes_ahead.filter(lambda closes: len(set(closes)) > 1))
def test_the_random_walk_is_exactly_as_good_as_itself(closes: list[float]) -> None:
    summary = summarise(score_path(PATH.random_walk(), closes))

    assert summary.mae_ratio == 1
    assert summary.pinball_ratio == 1


def test_the_random_walk_is_flat_with_a_band_that_grows_with_the_root_of_time() -> None:
    walk = PATH.random_walk()

    np.testing.assert_array_equal(walk.point, np.full(30, 200.0))
    assert walk.quantiles[5, 3] == pytest.approx(200 * exp(1.2815515655446004 * 0.02 * 2), rel=1e-12)
    assert walk.quantiles[0, 24] == pytest.approx(200 * exp(-1.959963984540054 * 0.02 * 5), rel=1e-12)


def test_log_returns_in_volatility_units_become_prices() -> None:
    path = path_from_returns(
        origin_close=50.0, scale=0.01, point=np.full(30, 2.0), quantiles=np.full((7, 30), -3.0)
    )

    assert path.point[0] == pytest.approx(50 * exp(0.02))
    assert path.quantiles[6, 29] == pytest.approx(50 * exp(-0.03))
