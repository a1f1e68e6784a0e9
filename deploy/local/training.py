"""Trains a challenger of the shipped forecast model on one stored history and keeps it in the state folder."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deploy.local.checkout import CHECKOUT, from_here
from deploy.local.errors import LauncherError
from deploy.local.state import StateFolder

_SCORES = ("mae_ratio", "pinball_ratio", "coverage80_ratio", "coverage95_ratio")


class TrainingUnavailable(LauncherError):
    """Raised when the libraries that train a model are not installed."""

    slug, title = "training-unavailable", "Training is not installed"


def train(symbol: str, *, state: StateFolder) -> dict[str, Any]:
    """Fit a challenger on all that is stored of a symbol, write it, and return its scores and the shipped model's.

    Raises TrainingUnavailable, NoPrices, InsufficientHistory and NothingHeldOut.
    """
    if find_spec("sklearn") is None or find_spec("skl2onnx") is None:
        raise TrainingUnavailable(
            f"Training needs the extra `train`: run `{from_here(CHECKOUT / 'deploy/local/bootstrap.sh')} --extra train`,"
            f" then `{from_here(CHECKOUT / '.venv/bin/python')} {from_here(CHECKOUT / 'manage.py')} train_ml_model {symbol}`."
        )
    from services.analytics.forecasting.challenger import train_challenger
    from services.analytics.forecasting.model import shipped_model
    from shared.pricing.adjustment import Basis, adjust
    from shared.pricing.reader import load_history

    bars = adjust(load_history("analytics", symbol), Basis.TOTAL_RETURN)
    made = train_challenger(bars)
    stem = state.models / f"linear-returns-{symbol}-v{bars.version}"
    return {
        "symbol": symbol,
        "data_cut": {symbol: bars.version},
        "held_out": dict(made.block),
        "challenger": {name: made.scores[name] for name in _SCORES},
        "shipped": {
            "model": shipped_model().name,
            **{name: made.shipped_scores[name] for name in _SCORES},
        },
        "files": {
            "onnx": _written(Path(f"{stem}.onnx"), made.onnx),
            "manifest": _written(Path(f"{stem}.json"), made.manifest_json),
        },
    }


def verdict(result: dict[str, Any]) -> str:
    """Say in a sentence which of the two erred less, and what follows from it."""
    challenger, shipped = result["challenger"]["mae_ratio"], result["shipped"]["mae_ratio"]
    better = "The challenger" if challenger < shipped else "The shipped model"
    if challenger == shipped:
        better = "Neither"
    beaten = (
        ""
        if min(challenger, shipped) < 1
        else " Neither beats the random walk, by which no change is expected."
    )
    return f"{better} erred less.{beaten} The shipped model stays in use."


def _written(path: Path, body: bytes) -> str:
    draft = path.with_name(f"{path.name}.partial")
    draft.write_bytes(body)
    draft.replace(path)
    return str(path)
