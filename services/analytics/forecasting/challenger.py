"""Fit the shipped kind of model on one symbol alone, and score both on sessions that neither has seen.

Needs the extra `train`. What comes out is for comparison: forecasts are always made with the shipped model.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.analytics.forecasting.model import (
    INPUT_NAME,
    OUTPUT_NAME,
    ForecastModel,
    load_model,
    shipped_model,
)
from services.analytics.forecasting.training import (
    NAME,
    Rows,
    manifest_text,
    rows_of,
    scores_of,
    trained,
)
from shared.errors import BellwetherError, InsufficientHistory
from shared.pricing.adjustment import AdjustedBars

# Enough for 2 rows per coefficient to fit on, and 60 each, a quarter of a year, for the bands and the test.
LEAST_SESSIONS = 580
LEAST_ROWS = {"fit": 200, "calibration": 60, "test": 60}
TEST_SHARE, CALIBRATION_SHARE = 0.2, 0.25
_ONE_DAY = np.timedelta64(1, "D")
LICENCE = "that of the prices it was trained on"
LIMITS = (
    "Fitted on one symbol: what it learnt is that symbol's past. Made for comparison, never used to forecast."
)


class NothingHeldOut(BellwetherError):
    """Raised when too few sessions are left that the shipped model has not seen in its training."""

    status, slug, title = 422, "nothing-held-out", "No fair comparison is possible"


@dataclass(frozen=True, slots=True, eq=False)
class Challenger:
    """A model with its manifest as they are stored, and both models' scores on the same held-out block."""

    onnx: bytes
    manifest_json: bytes
    block: Mapping[str, Any]
    scores: Mapping[str, float]
    shipped_scores: Mapping[str, float]


def train_challenger(bars: AdjustedBars) -> Challenger:
    """Fit on the oldest rows of `bars` (`total_return`), calibrate on the next, score on the newest.

    The same bars give the same bytes. Raises InsufficientHistory and NothingHeldOut.
    """
    if len(bars.sessions) < LEAST_SESSIONS:
        raise InsufficientHistory(
            symbol=bars.symbol, needed_sessions=LEAST_SESSIONS, present_sessions=len(bars.sessions)
        )
    shipped = shipped_model()
    blocks = blocks_of(rows_of(bars), symbol=bars.symbol, shipped=shipped)
    about = {"data_sha256": _digest(bars), "licence": LICENCE, "limits": LIMITS}
    onnx, manifest = trained(
        name=f"{NAME}-{bars.symbol}", version=bars.version, bars=[bars], blocks=blocks, about=about
    )
    manifest_json = manifest_text(manifest).encode()
    load_model(onnx, manifest_json)  # what is stored must be a model that could be used
    test = blocks["test"]
    (predicted,) = shipped.session.run([OUTPUT_NAME], {INPUT_NAME: test.x})
    return Challenger(
        onnx=onnx,
        manifest_json=manifest_json,
        block=test.described(),
        scores=manifest["scores"]["overall"],
        shipped_scores=scores_of(test, predicted, shipped.residual_quantiles)["overall"],
    )


def blocks_of(rows: Rows, *, symbol: str, shipped: ForecastModel) -> dict[str, Rows]:
    """Cut one symbol's rows in time, see Note [Three blocks in time]; the test begins after all training.

    The newest fifth is the test, less where the shipped model was trained on a part of it; of what is
    older the newest quarter is for the bands. Raises NothingHeldOut.
    """
    trained_until = np.datetime64(shipped.manifest["blocks"]["calibration"]["last_target"])
    test_from = max(rows.origin[int((1 - TEST_SHARE) * rows.origin.size)], trained_until + _ONE_DAY)
    older = int(np.searchsorted(rows.origin, test_from))
    calibrate_from = rows.origin[int((1 - CALIBRATION_SHARE) * older)]
    blocks = {
        "fit": rows.between(rows.origin[0], calibrate_from),
        "calibration": rows.between(calibrate_from, test_from),
        "test": rows.between(test_from, rows.last_target[-1] + _ONE_DAY),
    }
    short = [name for name, least in LEAST_ROWS.items() if blocks[name].origin.size < least]
    if short:
        raise NothingHeldOut(
            f"{symbol} has sessions from {rows.origin[0]} to {rows.last_target[-1]}. The shipped model was trained"
            f" on prices until {trained_until}: too few sessions lie after that for a fair comparison.",
            symbol=symbol,
        )
    return blocks


def _digest(bars: AdjustedBars) -> str:
    """Return the SHA-256 of the sessions and closes, all that a model is made of."""
    return hashlib.sha256(bars.sessions.tobytes() + bars.close.tobytes()).hexdigest()
