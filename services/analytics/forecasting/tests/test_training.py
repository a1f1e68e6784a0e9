"""The parts of training that need no scikit-learn: which rows it learns from, and what it publishes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analytics.forecasting.domain import HORIZON_SESSIONS, random_walk_quantiles
from services.analytics.forecasting.features import scaled_returns
from services.analytics.forecasting.model import shipped_model
from services.analytics.forecasting.scoring import score_path, summarise
from services.analytics.forecasting.training import manifest_text, read_history, rows_of, scores_of
from shared.pricing.adjustment import AdjustedBars, Basis, adjust

HEADER = "date,open,high,low,close,volume,dividend,split_ratio,adj_close\n"


def write_walk(folder: Path, *, sessions: int) -> Path:
    days = np.datetime64("2013-06-03") + np.arange(sessions)
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, sessions)))
    lines = [f"{day},{c},{c},{c},{c},1000,0,1,{c}\n" for day, c in zip(days, closes, strict=True)]
    file = folder / "WALK.csv"
    file.write_text(HEADER + "".join(lines))
    return file


@pytest.fixture
def bars(tmp_path: Path) -> AdjustedBars:
    return adjust(read_history(write_walk(tmp_path, sessions=400)), Basis.TOTAL_RETURN)


def test_bars_and_actions_are_read_from_the_file_named_after_the_symbol(tmp_path: Path) -> None:
    file = tmp_path / "XYZ.csv"
    file.write_text(HEADER + "2014-06-06,640,650,630,645,1000,0,1,1\n2014-06-09,92,94,91,93,7000.0,0.5,7,1\n")

    history = read_history(file)

    assert history.symbol == "XYZ"
    np.testing.assert_array_equal(history.close, [645.0, 93.0])
    assert [(str(split.ex_date), split.ratio) for split in history.splits] == [("2014-06-09", 7.0)]
    assert [(str(cash.ex_date), cash.amount) for cash in history.dividends] == [("2014-06-09", 0.5)]


def test_a_row_holds_what_was_known_at_its_origin_and_what_came_after(bars: AdjustedBars) -> None:
    rows = rows_of(bars)

    assert rows.origin.size == 400 - 99 - 30
    for row, session in [(0, 99), (17, 116), (270, 369)]:
        known = scaled_returns(bars.close[: session + 1], symbol="WALK")
        np.testing.assert_array_equal(rows.x[row], known.returns)
        assert rows.scale[row] == known.scale
        assert rows.origin[row] == bars.sessions[session]
        assert rows.last_target[row] == bars.sessions[session + 30]
        for horizon in (1, 30):
            came = np.log(bars.close[session + horizon] / bars.close[session]) / known.scale
            assert rows.y[row, horizon - 1] == pytest.approx(came, rel=1e-10)


def test_no_target_of_one_block_reaches_an_origin_of_the_next(bars: AdjustedBars) -> None:
    rows, boundary = rows_of(bars), np.datetime64("2013-12-01")

    before = rows.between(np.datetime64("2000-01-01"), boundary)
    after = rows.between(boundary, np.datetime64("2100-01-01"))

    assert before.last_target.max() < boundary <= after.origin.min()
    assert before.origin.size + after.origin.size == rows.origin.size - HORIZON_SESSIONS


def test_published_scores_are_those_the_service_would_compute(bars: AdjustedBars) -> None:
    rows = rows_of(bars)
    predicted = np.full_like(rows.y, 0.3)

    published = scores_of(rows, predicted, random_walk_quantiles())

    singles = []
    for row in range(rows.origin.size):
        closes = bars.close[99 + row : 99 + row + 31]
        path = shipped_model().forecast(bars.close[: 100 + row], symbol="WALK")
        point = closes[0] * np.exp(path.scale * predicted[row])
        band = closes[0] * np.exp(path.scale * (predicted[row] + random_walk_quantiles()))
        singles += score_path(
            type(path)(origin_close=closes[0], scale=path.scale, point=point, quantiles=band), closes
        )
    for name in ("mae_ratio", "pinball_ratio", "coverage80_ratio", "coverage95_ratio"):
        assert published["overall"][name] == pytest.approx(getattr(summarise(singles), name), rel=1e-9)
        last = [score for score in singles if score.horizon == 30]
        assert published["by_horizon"][name][29] == pytest.approx(getattr(summarise(last), name), rel=1e-9)


def test_a_manifest_has_one_member_per_line_and_twelve_digits() -> None:
    text = manifest_text({"a": np.array([1 / 3]), "b": {"c": (1, np.float64(2e-20) / 3)}})

    assert text == '{\n"a": [0.333333333333],\n"b": {"c": [1, 6.66666666667e-21]}\n}\n'
    assert json.loads(text)["a"] == [0.333333333333]


def test_the_shipped_manifest_publishes_every_ratio_and_blocks_that_do_not_touch() -> None:
    manifest: Any = shipped_model().manifest
    scores, blocks = manifest["scores"]["by_horizon"], manifest["blocks"]

    assert blocks["fit"]["last_target"] < blocks["calibration"]["first_origin"]
    assert blocks["calibration"]["last_target"] < blocks["test"]["first_origin"]
    for name in ("mae", "pinball"):
        ratio = np.array(scores[name]) / np.array(scores[f"rw_{name}"])
        assert ratio.size == HORIZON_SESSIONS
        np.testing.assert_allclose(scores[f"{name}_ratio"], ratio, rtol=1e-9)
