"""A challenger learns from the past, is measured on what neither model has seen, and is the same each time."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from services.analytics.forecasting.challenger import (
    LEAST_ROWS,
    LEAST_SESSIONS,
    NothingHeldOut,
    blocks_of,
    train_challenger,
)
from services.analytics.forecasting.model import load_model, shipped_model
from services.analytics.forecasting.training import rows_of
from shared.errors import InsufficientHistory
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.history import PriceHistory

needs_extra = pytest.mark.skipif(find_spec("skl2onnx") is None, reason="needs the extra `train`")
TRAINED_UNTIL = np.datetime64("2013-12-31")


def walk(*, sessions: int, first: str = "2012-01-02") -> AdjustedBars:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, sessions)))
    history = PriceHistory(
        symbol="WALK",
        version=4,
        sessions=np.datetime64(first) + np.arange(sessions) * np.timedelta64(1, "D"),
        open=closes,
        high=closes,
        low=closes,
        close=closes,
        volume=np.full(sessions, 1000, dtype=np.int64),
        splits=(),
        dividends=(),
    )
    return adjust(history, Basis.TOTAL_RETURN)


@pytest.mark.parametrize("sessions", [LEAST_SESSIONS, 900, 3000])
@pytest.mark.parametrize("first", ["2012-06-01", "2016-01-04"])
def test_no_block_knows_anything_of_the_next(sessions: int, first: str) -> None:
    blocks = blocks_of(
        rows_of(walk(sessions=sessions + 400, first=first)), symbol="WALK", shipped=shipped_model()
    )

    assert blocks["fit"].last_target.max() < blocks["calibration"].origin.min()
    assert blocks["calibration"].last_target.max() < blocks["test"].origin.min()
    assert all(blocks[name].origin.size >= least for name, least in LEAST_ROWS.items())


def test_the_test_begins_after_the_shipped_models_training() -> None:
    bars = walk(sessions=1500, first="2010-06-01")
    fifth = rows_of(bars).origin[int(0.8 * rows_of(bars).origin.size)]

    blocks = blocks_of(rows_of(bars), symbol="WALK", shipped=shipped_model())

    assert fifth < TRAINED_UNTIL < blocks["test"].origin.min()


def test_the_fewest_sessions_are_enough_and_one_less_is_not() -> None:
    blocks_of(
        rows_of(walk(sessions=LEAST_SESSIONS, first="2015-01-02")), symbol="WALK", shipped=shipped_model()
    )

    with pytest.raises(InsufficientHistory) as caught:
        train_challenger(walk(sessions=LEAST_SESSIONS - 1))
    assert (caught.value.needed_sessions, caught.value.present_sessions) == (
        LEAST_SESSIONS,
        LEAST_SESSIONS - 1,
    )


@pytest.mark.parametrize("first", ["2005-01-03", "2012-03-01"])
def test_a_history_that_the_shipped_model_has_seen_is_no_test_of_it(first: str) -> None:
    with pytest.raises(NothingHeldOut, match="trained on prices until 2013-12-31"):
        train_challenger(walk(sessions=700, first=first))


@needs_extra
def test_the_same_bars_give_the_same_bytes_and_a_model_that_loads() -> None:
    bars = walk(sessions=900, first="2015-01-02")

    first, second = train_challenger(bars), train_challenger(bars)

    assert (first.onnx, first.manifest_json) == (second.onnx, second.manifest_json)
    assert load_model(first.onnx, first.manifest_json).name == "linear-returns-WALK-v4"
    assert json.loads(first.manifest_json)["symbols"] == ["WALK"]


@needs_extra
def test_both_models_are_scored_on_the_same_block() -> None:
    made = train_challenger(walk(sessions=900, first="2015-01-02"))

    assert made.scores["rw_mae"] == made.shipped_scores["rw_mae"]
    assert made.scores["mae_ratio"] != made.shipped_scores["mae_ratio"]
    assert made.block["rows"] >= LEAST_ROWS["test"]
