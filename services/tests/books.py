"""Counts what happened to a fetch: how often each event was recorded, received and acted on."""

from typing import Any

import psycopg

_COUNTS = {
    "ingest.PricesUpdated": "SELECT count(*) FROM ingest.event WHERE type = 'PricesUpdated'",
    "ingest.pending": "SELECT count(*) FROM ingest.outbox WHERE sent_at IS NULL",
    "analytics.received": "SELECT count(*) FROM analytics.inbox",
    "analytics.handled": "SELECT count(*) FROM analytics.inbox WHERE state = 'handled'",
    "analytics.requested": "SELECT count(*) FROM analytics.event WHERE type = 'BacktestRequested'",
    "analytics.completed": "SELECT count(*) FROM analytics.event WHERE type = 'BacktestCompleted'",
    "analytics.issued": "SELECT count(*) FROM analytics.event WHERE type = 'ForecastIssued'",
    "analytics.jobs": "SELECT count(*) FROM analytics.job",
    "analytics.runs": "SELECT count(*) FROM analytics.run",
    "analytics.equity": "SELECT count(*) FROM analytics.run_equity",
    "analytics.forecasts": "SELECT count(*) FROM analytics.forecast",
    "reports.requested": "SELECT count(*) FROM reports.event WHERE type = 'ReportRequested'",
    "reports.rendered": "SELECT count(*) FROM reports.event WHERE type = 'ReportRendered'",
    "reports.reports": "SELECT count(*) FROM reports.report",
    "parked": "SELECT (SELECT count(*) FROM analytics.parked) + (SELECT count(*) FROM reports.parked)",
}

NOTHING_YET = dict.fromkeys(_COUNTS, 0)
BEFORE_THE_WORKER = {**NOTHING_YET, "ingest.PricesUpdated": 1, "ingest.pending": 1}
EACH_EFFECT_ONCE = {
    **NOTHING_YET,
    "ingest.PricesUpdated": 1,
    "analytics.received": 1,
    "analytics.handled": 1,
    "analytics.requested": 1,
    "analytics.completed": 1,
    "analytics.issued": 2,  # the live forecast and the backfilled one
    "analytics.jobs": 2,
    "analytics.runs": 1,
    "analytics.equity": 1,
    "analytics.forecasts": 2,
    "reports.requested": 1,
    "reports.rendered": 1,
    "reports.reports": 1,
}


def counted(owner: psycopg.Connection[Any]) -> dict[str, int]:
    """Return every count as it is now."""
    return {name: int(owner.execute(query).fetchone()[0]) for name, query in _COUNTS.items()}  # type: ignore[index]
