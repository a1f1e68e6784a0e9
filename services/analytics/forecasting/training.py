"""Train `linear-returns` v1 and write its ONNX file and manifest; the same data give the same bytes.

Run it with `python -m services.analytics.forecasting.training --data FOLDER --out FOLDER` where the extra
`train` is installed beside `analytics`; the services run the result without scikit-learn.

Note [Three blocks in time]
    The regression is fitted on the first block, the bands are its errors in the second, the scores are
    taken in the third, and what ships is exactly what was scored: nothing is refitted. An origin belongs
    to a block only if its 30 target sessions end inside it. That embargo of 30 sessions keeps any session
    from being a target of one block and an origin or target of the next.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from importlib.metadata import version as release_of
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from services.analytics.forecasting.domain import (
    BAND_80,
    BAND_95,
    HORIZON_SESSIONS,
    QUANTILES,
    Array,
    path_from_returns,
    random_walk_quantiles,
)
from services.analytics.forecasting.features import LOOKBACK_CLOSES, scaled_returns
from services.analytics.forecasting.model import EXPECTED, INPUT_NAME, OUTPUT_NAME
from services.analytics.forecasting.scoring import covered, pinball_loss
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.history import Dividend, PriceHistory, Split

NAME, VERSION = "linear-returns", 1
CALIBRATE_FROM = np.datetime64("2010-01-01")
TEST_FROM = np.datetime64("2014-01-01")
OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 8
LIBRARIES = ("numpy", "onnx", "scikit-learn", "skl2onnx")
LICENCE = "that of its training data: WIKI prices, declared public domain by their publisher"
LIMITS = (
    "A few large companies that survived: the drift it learnt is too rosy. Directions of daily prices are "
    "close to unpredictable; a ratio above 1 means that a flat line was the better forecast."
)

# Coefficients are rounded so that the last digits, in which processor types differ, do not reach the file.
COEFFICIENT_DECIMALS = 9
MANIFEST_DIGITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Training rows: `x` (n, 99) and `y` (n, 30) in volatility units, `scale` (n,), and two sessions (n,)."""

    x: Array
    y: Array
    scale: Array
    origin: np.ndarray[Any, np.dtype[np.datetime64]]
    last_target: np.ndarray[Any, np.dtype[np.datetime64]]

    def between(self, start: np.datetime64, end: np.datetime64) -> "Rows":
        """Return the rows whose origin is on or after `start` and whose targets all end before `end`."""
        keep = (self.origin >= start) & (self.last_target < end)
        return Rows(*(getattr(self, field.name)[keep] for field in fields(self)))

    def described(self) -> dict[str, Any]:
        """Return the extent of these rows for the manifest."""
        return {
            "first_origin": str(self.origin.min()),
            "last_target": str(self.last_target.max()),
            "rows": self.origin.size,
        }


def train(*, data: Path, out: Path) -> None:
    """Fit, calibrate and score on the CSV files in `data`; write the model and its manifest to `out`."""
    files = sorted(data.glob("*.csv"))
    bars = [adjust(read_history(file), Basis.TOTAL_RETURN) for file in files]
    rows = _stacked([rows_of(each) for each in bars])
    blocks = {
        "fit": rows.between(rows.origin.min(), CALIBRATE_FROM),
        "calibration": rows.between(CALIBRATE_FROM, TEST_FROM),
        "test": rows.between(TEST_FROM, np.datetime64(date.max)),
    }
    about = {"data_sha256": _digest(files), "licence": LICENCE, "limits": LIMITS}
    onnx, manifest = trained(name=NAME, version=VERSION, bars=bars, blocks=blocks, about=about)
    stem = out / f"{NAME}-v{VERSION}"
    stem.with_suffix(".onnx").write_bytes(onnx)
    stem.with_suffix(".json").write_text(manifest_text(manifest))


def trained(
    *,
    name: str,
    version: int,
    bars: Sequence[AdjustedBars],
    blocks: Mapping[str, Rows],
    about: Mapping[str, Any],
) -> tuple[bytes, dict[str, Any]]:
    """Fit, calibrate and score on the three blocks of `bars`; return the model and its manifest."""
    # Imported here and in `onnx_bytes` alone: the rest of this module runs, and is tested, without the extra.
    from sklearn.linear_model import LinearRegression

    fit, calibration, test = blocks["fit"], blocks["calibration"], blocks["test"]
    regression = LinearRegression().fit(fit.x, fit.y)
    regression.coef_ = np.round(regression.coef_, COEFFICIENT_DECIMALS)
    regression.intercept_ = np.round(regression.intercept_, COEFFICIENT_DECIMALS)
    weights, intercept = regression.coef_.T, regression.intercept_
    residuals = calibration.y - (calibration.x @ weights + intercept)
    table = np.quantile(residuals, QUANTILES, axis=0).round(COEFFICIENT_DECIMALS)
    onnx = onnx_bytes(regression, name=name)
    return onnx, {
        "name": name,
        "version": version,
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        **about,
        "basis": str(Basis.TOTAL_RETURN),
        "symbols": [each.symbol for each in bars],
        "blocks": {block: rows.described() for block, rows in blocks.items()},
        "libraries": {library: release_of(library) for library in LIBRARIES},
        **EXPECTED,
        "residual_quantiles": table,
        "scores": scores_of(test, test.x @ weights + intercept, table),
        "golden": [
            _golden_row(each, weights, intercept, table) for each in dict.fromkeys((bars[0], bars[-1]))
        ],
    }


def read_history(file: Path) -> PriceHistory:
    """Read one instrument's bars and actions; the file is named after its symbol."""
    with file.open(newline="") as lines:
        records = list(csv.DictReader(lines))
    days = [date.fromisoformat(record["date"]) for record in records]
    splits = [(day, float(record["split_ratio"])) for day, record in zip(days, records, strict=True)]
    cash = [(day, float(record["dividend"])) for day, record in zip(days, records, strict=True)]
    return PriceHistory(
        symbol=file.stem,
        version=1,
        sessions=np.array(days, dtype="datetime64[D]"),
        open=np.array([float(record["open"]) for record in records]),
        high=np.array([float(record["high"]) for record in records]),
        low=np.array([float(record["low"]) for record in records]),
        close=np.array([float(record["close"]) for record in records]),
        volume=np.array([int(float(record["volume"])) for record in records], dtype=np.int64),
        splits=tuple(Split(ex_date=day, ratio=ratio) for day, ratio in splits if ratio != 1),
        dividends=tuple(Dividend(ex_date=day, amount=amount) for day, amount in cash if amount != 0),
    )


def rows_of(bars: AdjustedBars) -> Rows:
    """Return one row per session of `bars` that has 99 returns behind it and 30 sessions ahead."""
    windows = sliding_window_view(bars.close, LOOKBACK_CLOSES)[:-HORIZON_SESSIONS]
    features = scaled_returns(windows, symbol=bars.symbol)
    log_close = np.log(bars.close[LOOKBACK_CLOSES - 1 :])
    ahead = sliding_window_view(log_close, HORIZON_SESSIONS + 1)
    cumulative = ahead[:, 1:] - ahead[:, :1]
    return Rows(
        x=features.returns,
        y=cumulative / features.scale[:, np.newaxis],
        scale=features.scale,
        origin=bars.sessions[LOOKBACK_CLOSES - 1 : -HORIZON_SESSIONS],
        last_target=bars.sessions[LOOKBACK_CLOSES - 1 + HORIZON_SESSIONS :],
    )


def onnx_bytes(regression: Any, *, name: str) -> bytes:
    """Convert a fitted regression to float64 ONNX; pinned opset and IR version fix the bytes."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType

    graph = to_onnx(
        regression,
        name=name,
        initial_types=[(INPUT_NAME, DoubleTensorType([None, LOOKBACK_CLOSES - 1]))],
        final_types=[(OUTPUT_NAME, DoubleTensorType([None, HORIZON_SESSIONS]))],
        target_opset=OPSETS,
    )
    graph.ir_version = IR_VERSION
    serialised: bytes = graph.SerializeToString(deterministic=True)
    return serialised


def scores_of(rows: Rows, predicted: Array, table: Array) -> dict[str, Any]:
    """Score `predicted` (n, 30), in volatility units, as `scoring` does: in returns from the origin.

    A ratio is the mean loss of the model over that of the random walk, also `overall`, where both means run
    over all rows and horizons and so weigh the far horizons most. It is published as it is, above 1 too.
    """
    scale = rows.scale[:, np.newaxis]
    actual = np.exp(scale * rows.y)
    quantiles = np.exp(scale * (predicted + table[:, np.newaxis, :]))
    naive = np.exp(scale * random_walk_quantiles()[:, np.newaxis, :])
    per_horizon = {
        "mae": np.abs(np.exp(scale * predicted) - actual),
        "rw_mae": np.abs(1 - actual),
        "pinball": pinball_loss(quantiles, actual),
        "rw_pinball": pinball_loss(naive, actual),
        "coverage80_ratio": covered(quantiles, actual, BAND_80),
        "coverage95_ratio": covered(quantiles, actual, BAND_95),
    }
    by_horizon = {name: np.mean(values, axis=0) for name, values in per_horizon.items()}
    for name in ("mae", "pinball"):
        by_horizon[f"{name}_ratio"] = by_horizon[name] / by_horizon[f"rw_{name}"]
    overall = {name: float(values.mean()) for name, values in by_horizon.items()}
    for name in ("mae", "pinball"):
        overall[f"{name}_ratio"] = overall[name] / overall[f"rw_{name}"]
    return {"overall": overall, "by_horizon": by_horizon}


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """Return `manifest` as JSON with one member per line and floats at 12 significant digits."""
    members = (f"{json.dumps(key)}: {json.dumps(_plain(value))}" for key, value in manifest.items())
    return "{\n" + ",\n".join(members) + "\n}\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return float(f"{value:.{MANIFEST_DIGITS}g}") if isinstance(value, float) else value


def _golden_row(bars: AdjustedBars, weights: Array, intercept: Array, table: Array) -> dict[str, Any]:
    """Work out one forecast with numpy, from closes to prices, for the service to repeat at load."""
    closes = np.array(_plain(bars.close[-LOOKBACK_CLOSES:]))
    features = scaled_returns(closes, symbol=bars.symbol)
    point = features.returns @ weights + intercept
    path = path_from_returns(
        origin_close=closes[-1], scale=float(features.scale), point=point, quantiles=point + table
    )
    return {"symbol": bars.symbol, "closes": closes, "point": path.point, "quantiles": path.quantiles}


def _stacked(parts: Sequence[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))


def _digest(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the files' names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the forecasting model that ships with Bellwether.")
    parser.add_argument("--data", type=Path, required=True, help="folder of SYMBOL.csv files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the .onnx and .json files")
    arguments = parser.parse_args()
    train(data=arguments.data, out=arguments.out)
