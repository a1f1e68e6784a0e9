"""Reads of what is stored of an instrument."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connections

from services.ingest.coverage.domain import Coverage, coverage_of
from services.ingest.fetches.domain import last_final_session
from shared.pricing.reader import load_history, price_sources

# A run is where the place among all bars and the place among the provider's own go up together.
_RANGES = """
WITH known AS (
  SELECT session, provider,
         row_number() OVER (ORDER BY session)
         - row_number() OVER (PARTITION BY provider ORDER BY session) AS run
  FROM market.bar
  WHERE symbol = %(symbol)s AND version <= %(version)s
    AND (superseded_version IS NULL OR superseded_version > %(version)s)
)
SELECT provider, min(session), max(session), count(*) FROM known GROUP BY provider, run ORDER BY min(session)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRange:
    """Bars in a row that one provider told, on the terms it last gave."""

    provider: str
    first_session: date
    last_session: date
    session_count: int
    attribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCoverage:
    """What is stored of an instrument at a version, who told it, and what is missing of it."""

    coverage: Coverage
    last_final_session: date
    sources: tuple[SourceRange, ...]
    split_count: int
    dividend_count: int


def coverage_at(symbol: str, *, version: int, now: datetime) -> StoredCoverage:
    """Return how what is known of `symbol` at `version` covers the sessions up to the last that is final `now`.

    Raises NoPrices.
    """
    history = load_history("ingest", symbol, version=version)
    last_final = last_final_session(now)
    return StoredCoverage(
        coverage=coverage_of(history, last_final=last_final),
        last_final_session=last_final,
        sources=source_ranges(symbol, version=version),
        split_count=len(history.splits),
        dividend_count=len(history.dividends),
    )


def source_ranges(symbol: str, *, version: int) -> tuple[SourceRange, ...]:
    """Return who told the bars of `symbol` as known at `version`, in their order: one provider for each range."""
    terms = {each.provider: each.attribution for each in price_sources("ingest", symbol, version=version)}
    with connections["ingest"].cursor() as cursor:
        cursor.execute(_RANGES, {"symbol": symbol, "version": version})
        return tuple(
            SourceRange(
                provider=provider,
                first_session=first,
                last_session=last,
                session_count=count,
                attribution=terms[provider],
            )
            for provider, first, last, count in cursor.fetchall()
        )
