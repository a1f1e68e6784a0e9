"""The document's sections on an issued forecast, and on one that is scored against what came."""

from typing import Any

from services.reports.documents.material import IssuedForecast, ScoredForecast
from services.reports.documents.series import days, require_equal_lengths
from services.reports.documents.wording import (
    DASH,
    backfilled_line,
    forecast_verdict,
    measure,
    model_line,
    plain_text,
    price,
    record_verdict,
)

_BANDS = {"low95": 0.025, "low80": 0.1, "high80": 0.9, "high95": 0.975}
_ROW = ("point", "low80", "high80", "low95", "high95", "random_walk")


def forecast_section(forecast: IssuedForecast) -> dict[str, Any]:
    """Return the section of a forecast, a row for each target session.

    Raises `ValueError` for series of unequal length and `KeyError` where a band's quantile is missing.
    """
    series = {"point": forecast.point, "random_walk": forecast.random_walk}
    levels = {float(level): prices for level, prices in forecast.quantiles.items()}
    series |= {name: levels[level] for name, level in _BANDS.items()}
    require_equal_lengths(forecast.target_sessions, *series.values(), *forecast.quantiles.values())
    require_equal_lengths(forecast.recent_sessions, forecast.recent_closes)
    targets = days(forecast.target_sessions)
    return {
        "state": "issued",
        "verdict": forecast_verdict(
            last_session=targets[-1],
            origin_close=forecast.origin_close,
            row=(series["point"][-1], series["low80"][-1], series["high80"][-1]),
        ),
        **_origin(forecast),
        "origin_close": forecast.origin_close,
        "quantiles": {
            plain_text(level, limit=8): list(prices) for level, prices in forecast.quantiles.items()
        },
        "recent": {"sessions": days(forecast.recent_sessions), "closes": list(forecast.recent_closes)},
        "rows": [
            {
                "session": session,
                **{name: series[name][step] for name in _ROW},
                "text": [session, *(price(series[name][step]) for name in _ROW)],
            }
            for step, session in enumerate(targets)
        ],
    }


def _origin(forecast: IssuedForecast) -> dict[str, Any]:
    """Return which model saw which prices, in fields and in one line."""
    said: dict[str, Any] = {
        "model": plain_text(forecast.model, limit=64),
        "model_version": plain_text(forecast.model_version, limit=32),
        "basis": plain_text(forecast.basis, limit=32),
        "origin_session": forecast.origin_session.isoformat(),
        "trained_until": forecast.trained_until.isoformat() if forecast.trained_until else None,
    }
    return {
        **said,
        "model_line": model_line(**said),
        "model_sha256": plain_text(forecast.model_sha256, limit=64),
        "model_scores": [
            [plain_text(label, limit=48), plain_text(text, limit=200)]
            for label, text in forecast.model_scores
        ],
    }


def record_section(record: ScoredForecast) -> dict[str, Any]:
    """Return a forecast's section with its actual closes and scores. Raises as `forecast_section` does."""
    section = forecast_section(record.forecast)
    require_equal_lengths(record.forecast.target_sessions, record.actual)
    for row, actual in zip(section["rows"], record.actual, strict=True):
        row["actual"] = actual
        row["text"].append(DASH if actual is None else price(actual))
    scores = (
        ("mae_rw_ratio", "Mean absolute error (random walk = 1)", record.mae_rw_ratio, "number"),
        ("coverage80_ratio", "Closes inside the 80 % interval", record.coverage80_ratio, "ratio"),
        ("coverage95_ratio", "Closes inside the 95 % interval", record.coverage95_ratio, "ratio"),
        ("scored_count", "Sessions scored", record.scored_count, "count"),
    )
    return section | {
        "state": "scored",
        "model_line": backfilled_line(
            origin_session=section["origin_session"], trained_until=section["trained_until"]
        ),
        "verdict": record_verdict(record.mae_rw_ratio, seen_until=_seen_until(record.forecast)),
        "scores": [
            {"name": name, "label": label, "value": value, "text": measure(value, unit)}
            for name, label, value, unit in scores
        ],
    }


def _seen_until(forecast: IssuedForecast) -> str | None:
    """Return the last session the model was made from when the forecast's origin is not after it."""
    until = forecast.trained_until
    return until.isoformat() if until is not None and forecast.origin_session <= until else None
