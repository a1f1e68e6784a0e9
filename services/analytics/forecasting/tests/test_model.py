import hashlib
import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.forecasting.domain import (
    HORIZON_SESSIONS,
    ForecastNotFinite,
    InvalidCloses,
    ModelMismatch,
    ModelTampered,
)
from services.analytics.forecasting.model import (
    INPUT_NAME,
    OUTPUT_NAME,
    SHIPPED,
    load_model,
    shipped_model,
)

ONNX = SHIPPED.read_bytes()
MANIFEST_JSON = SHIPPED.with_suffix(".json").read_bytes()
AAPL = np.array(json.loads(MANIFEST_JSON)["golden"][0]["closes"])


def manifest_with(**changes: Any) -> bytes:
    return json.dumps(json.loads(MANIFEST_JSON) | changes).encode()


def test_the_shipped_model_repeats_its_golden_rows() -> None:
    model = shipped_model()

    assert model.name == "linear-returns-v1"
    assert len(model.manifest["golden"]) == 2
    for row in model.manifest["golden"]:
        path = model.forecast(row["closes"], symbol=row["symbol"])
        np.testing.assert_allclose(path.point, row["point"], rtol=1e-9)
        np.testing.assert_allclose(path.quantiles, row["quantiles"], rtol=1e-9)


def test_a_process_loads_the_model_once_and_runs_it_on_one_thread() -> None:
    model = shipped_model()

    assert shipped_model() is model
    options = model.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.parametrize("position", [0, 40, len(ONNX) // 2, len(ONNX) - 1])
def test_one_flipped_bit_is_refused_before_onnxruntime_sees_a_byte(
    position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        pytest.fail("a tampered model was loaded")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    tampered = bytearray(ONNX)
    tampered[position] ^= 1

    with pytest.raises(ModelTampered, match=hashlib.sha256(tampered).hexdigest()):
        load_model(bytes(tampered), MANIFEST_JSON)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feature_version", "scaled-log-returns/0"),
        ("features", ["close"]),
        ("lookback_closes", 101),
        ("horizon_sessions", 29),
        ("quantiles", [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]),
        ("residual_quantiles", [[0.0] * 30] * 6),
        ("golden", []),
    ],
)
def test_a_manifest_that_disagrees_with_the_code_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ModelMismatch):
        load_model(ONNX, manifest_with(**{key: value}))


def test_a_changed_digit_in_the_table_of_errors_is_caught_by_the_golden_rows() -> None:
    table = json.loads(MANIFEST_JSON)["residual_quantiles"]
    table[6][29] += 1e-6

    with pytest.raises(ModelMismatch, match="golden row"):
        load_model(ONNX, manifest_with(residual_quantiles=table))


def test_a_graph_of_another_signature_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analytics.forecasting.model.OUTPUT_NAME", "prices")

    with pytest.raises(ModelMismatch, match="signature"):
        load_model(ONNX, MANIFEST_JSON)


def test_quantiles_that_cross_are_refused() -> None:
    table = json.loads(MANIFEST_JSON)["residual_quantiles"]
    table[2], table[3] = table[3], table[2]

    with pytest.raises(ModelMismatch, match="cross"):
        load_model(ONNX, manifest_with(residual_quantiles=table))


def test_the_graph_is_one_affine_map_of_the_99_returns() -> None:
    def run(rows: np.ndarray) -> np.ndarray:
        (answer,) = shipped_model().session.run([OUTPUT_NAME], {INPUT_NAME: rows})
        return np.asarray(answer)

    intercept = run(np.zeros((1, 99)))
    coefficients = run(np.eye(99)) - intercept
    rows = np.random.default_rng(7).normal(size=(500, 99))

    np.testing.assert_allclose(run(rows), rows @ coefficients + intercept, atol=1e-12)
    assert np.linalg.matrix_rank(coefficients) == HORIZON_SESSIONS


def test_the_session_refuses_float32_and_another_width() -> None:
    session = shipped_model().session

    for rows in (np.zeros((1, 99), dtype=np.float32), np.zeros((1, 98))):
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
            session.run([OUTPUT_NAME], {INPUT_NAME: rows})


@pytest.mark.parametrize("factor", [1e-6, 0.25, 7.0, 1e6])
def test_prices_in_another_unit_give_the_same_forecast_in_that_unit(factor: float) -> None:
    path = shipped_model().forecast(AAPL, symbol="AAPL")

    scaled = shipped_model().forecast(factor * AAPL, symbol="AAPL")

    np.testing.assert_allclose(scaled.point, factor * path.point, rtol=1e-9)
    np.testing.assert_allclose(scaled.quantiles, factor * path.quantiles, rtol=1e-9)


def test_only_the_last_100_closes_count() -> None:
    path = shipped_model().forecast(AAPL, symbol="AAPL")

    longer = shipped_model().forecast([float("nan"), -1.0, 1e9, *AAPL], symbol="AAPL")

    np.testing.assert_array_equal(longer.point, path.point)
    np.testing.assert_array_equal(longer.quantiles, path.quantiles)


def test_changing_any_one_of_the_last_100_closes_moves_point_and_band() -> None:
    path = shipped_model().forecast(AAPL, symbol="AAPL")

    for position in range(100):
        closes = AAPL.copy()
        closes[position] *= 1.01
        moved = shipped_model().forecast(closes, symbol="AAPL")

        assert np.abs(moved.point / path.point - 1).min() > 1e-9
        assert np.abs(moved.quantiles / path.quantiles - 1).max(axis=1).min() > 1e-6
        assert moved.scale != path.scale


def test_the_band_widens_with_the_horizon_and_with_volatility() -> None:
    path = shipped_model().forecast(AAPL, symbol="AAPL")
    wilder = shipped_model().forecast(np.exp(2 * np.log(AAPL)), symbol="AAPL")

    width = np.log(path.quantiles[5] / path.quantiles[1])

    assert width[29] > 3 * width[0]
    np.testing.assert_allclose(np.log(wilder.quantiles[5] / wilder.quantiles[1]), 2 * width, rtol=1e-9)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0])
def test_what_is_no_price_never_becomes_a_number(bad: float) -> None:
    for position in range(100):
        closes = AAPL.copy()
        closes[position] = bad

        with pytest.raises(InvalidCloses):
            shipped_model().forecast(closes, symbol="AAPL")


def test_absurd_jumps_are_refused_instead_of_answered_with_infinity() -> None:
    with pytest.raises(ForecastNotFinite, match="finite"):
        shipped_model().forecast(np.tile([1e-150, 1e150], 50), symbol="AAPL")


@given(
    st.lists(st.floats(-0.2, 0.2), min_size=99, max_size=99).filter(
        lambda steps: max(map(abs, steps)) > 0.001
    ),
    st.floats(0.01, 1e5),
)
def test_any_plausible_history_gives_finite_quantiles_that_never_cross(
    steps: list[float], first_close: float
) -> None:
    closes = first_close * np.exp(np.cumsum([0.0, *steps]))

    path = shipped_model().forecast(closes, symbol="AAPL")

    assert path.point.shape == (30,)
    assert path.quantiles.shape == (7, 30)
    assert np.isfinite(path.point).all()
    assert np.isfinite(path.quantiles).all()
    assert (np.diff(path.quantiles, axis=0) >= 0).all()
    assert path.origin_close == closes[-1]
