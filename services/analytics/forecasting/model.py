"""Run the shipped model: check it, load it once per process, turn closes into a forecast."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from services.analytics.forecasting.domain import (
    HORIZON_SESSIONS,
    QUANTILES,
    Array,
    ForecastPath,
    ModelMismatch,
    ModelTampered,
    path_from_returns,
)
from services.analytics.forecasting.features import (
    FEATURE_NAMES,
    FEATURE_VERSION,
    LOOKBACK_CLOSES,
    scaled_returns,
)

if TYPE_CHECKING:
    import onnxruntime

SHIPPED = Path(__file__).parent / "trained" / "linear-returns-v1.onnx"
INPUT_NAME, OUTPUT_NAME = "scaled_returns", "cumulative_returns"
GOLDEN_TOLERANCE = 1e-9

# What the code must agree on with the manifest before it trusts the model's numbers.
EXPECTED: Mapping[str, Any] = {
    "feature_version": FEATURE_VERSION,
    "features": list(FEATURE_NAMES),
    "lookback_closes": LOOKBACK_CLOSES,
    "horizon_sessions": HORIZON_SESSIONS,
    "quantiles": list(QUANTILES),
}


@dataclass(frozen=True, slots=True, eq=False)
class ForecastModel:
    """A checked model: `manifest` as trained, one onnxruntime session, the (7, 30) table of its errors."""

    manifest: Mapping[str, Any]
    session: "onnxruntime.InferenceSession"
    residual_quantiles: Array

    @property
    def name(self) -> str:
        """Return the model's name with its version, as forecasts are stored under."""
        return f"{self.manifest['name']}-v{self.manifest['version']}"

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the ONNX file that is loaded."""
        return str(self.manifest["onnx_sha256"])

    def forecast(self, closes: ArrayLike, *, symbol: str) -> ForecastPath:
        """Forecast the 30 sessions after the last of `closes` (n,), oldest first, `total_return` basis.

        That basis ends at the close as traded, so the forecast is in today's prices. Only the last 100
        closes are read. NaN never passes: raises what `scaled_returns` raises, and `ForecastNotFinite`.
        """
        features = scaled_returns(closes, symbol=symbol)
        (point,) = self.session.run([OUTPUT_NAME], {INPUT_NAME: features.returns[np.newaxis]})
        return path_from_returns(
            origin_close=float(np.asarray(closes, dtype=np.float64)[-1]),
            scale=float(features.scale),
            point=point[0],
            quantiles=point[0] + self.residual_quantiles,
        )


@cache
def shipped_model() -> ForecastModel:
    """Return the model that ships with the package, loaded on first use (4 ms) and kept by this process.

    Loading waits for the first forecast so that a server may fork before any session exists. Threads that
    race for it may each load one; they are equal, and all but one are dropped.
    """
    return load_model(SHIPPED.read_bytes(), SHIPPED.with_suffix(".json").read_bytes())


def load_model(onnx: bytes, manifest_json: bytes) -> ForecastModel:
    """Return the model in `onnx` once everything `manifest_json` says of it has been found true.

    The hash is compared before onnxruntime sees a byte. Raises `ModelTampered` if it differs, `ModelMismatch`
    if features, horizon, quantiles, signature or a golden row are not what this code computes.
    """
    manifest = json.loads(manifest_json)
    digest, named = hashlib.sha256(onnx).hexdigest(), manifest["onnx_sha256"]
    if digest != named:
        raise ModelTampered(f"The model has SHA-256 {digest}; its manifest names {named}.")
    for key, expected in EXPECTED.items():
        if manifest[key] != expected:
            raise ModelMismatch(f"The model has {key} {manifest[key]}; this code has {expected}.")
    model = ForecastModel(manifest, _open_session(onnx), _residual_table(manifest))
    _check_golden(model)
    return model


def _open_session(onnx: bytes) -> "onnxruntime.InferenceSession":
    """Open a session on one thread: a default pool pins threads to host cores and fails under cpusets."""
    # Here and not above: 17 MB that a process which only answers requests never needs, and a library that
    # the other services do not install.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    found = [(node.name, node.type, node.shape) for node in (*session.get_inputs(), *session.get_outputs())]
    expected = [
        (INPUT_NAME, "tensor(double)", [None, len(FEATURE_NAMES)]),
        (OUTPUT_NAME, "tensor(double)", [None, HORIZON_SESSIONS]),
    ]
    if found != expected:
        raise ModelMismatch(f"The model's signature is {found}; this code needs {expected}.")
    return session


def _residual_table(manifest: Mapping[str, Any]) -> Array:
    table = np.array(manifest["residual_quantiles"], dtype=np.float64)
    if table.shape != (len(QUANTILES), HORIZON_SESSIONS) or not (np.diff(table, axis=0) >= 0).all():
        raise ModelMismatch(f"The table of residuals has shape {table.shape} or quantiles that cross.")
    return table


def _check_golden(model: ForecastModel) -> None:
    """Compare closes -> prices with what numpy computed at training: features, graph and table at once."""
    if not model.manifest["golden"]:
        raise ModelMismatch("The manifest has no golden row to check the model with.")
    for row in model.manifest["golden"]:
        path = model.forecast(row["closes"], symbol=row["symbol"])
        got = np.vstack([path.point, path.quantiles])
        want = np.array([row["point"], *row["quantiles"]], dtype=np.float64)
        worst = float(np.max(np.abs(got / want - 1)))
        if not worst <= GOLDEN_TOLERANCE:
            raise ModelMismatch(f"The golden row of {row['symbol']} is missed by {worst:g} of the price.")
