"""Build the document: the one JSON-safe model that PDF, JSON and PNG of a report are rendered from.

It holds no ids and no render time, so equal material has an equal document and an equal hash. Every number
stands there as a value and, where a reader sees it, as the text that all formats print.
"""

from collections.abc import Callable
from typing import Any

from services.reports.documents.forecast_section import forecast_section, record_section
from services.reports.documents.material import Coverage, Provenance, Refusal, ReportMaterial, Source
from services.reports.documents.run_section import run_section
from services.reports.documents.series import days
from services.reports.documents.wording import counted, plain_text

Document = dict[str, Any]

SCHEMA = "report/1"
NOTICE = (
    "This report describes what a fixed rule would have done and what a model expects from past prices. "
    "It is not investment advice. A simulated past is no promise, an interval is wrong as often as it "
    "says, and nothing here knows your situation."
)


def build_document(material: ReportMaterial) -> Document:
    """Return the document of a report's material.

    Raises `ValueError` for series of unequal length and `KeyError` for a unit or quantile that is missing.
    """
    symbol = plain_text(material.symbol, limit=16)
    return {
        "schema": SCHEMA,
        "symbol": symbol,
        "run": _section_or_refusal(material.run, run_section, symbol),
        "forecast": _section_or_refusal(material.forecast, forecast_section, symbol),
        "backfilled": _section_or_refusal(material.backfilled, record_section, symbol),
        "coverage": _coverage_section(material.coverage),
        "provenance": _provenance_section(material.provenance),
        "notice": NOTICE,
    }


def _section_or_refusal[Part](
    part: Part | Refusal, build: Callable[[Part], Document], symbol: str
) -> Document:
    return _refused_section(part, symbol) if isinstance(part, Refusal) else build(part)


def _refused_section(refusal: Refusal, symbol: str) -> Document:
    needed, present = refusal.needed_sessions, refusal.present_sessions
    missing = None if needed is None or present is None else max(needed - present, 0)
    shortage = (
        None
        if missing is None
        else f"{counted(needed or 0, 'session')} needed, {present:,} stored: {missing:,} missing."
    )
    return {
        "state": "refused",
        "slug": plain_text(refusal.slug, limit=64),
        "detail": plain_text(refusal.detail, limit=400),
        "needed_sessions": needed,
        "present_sessions": present,
        "missing_sessions": missing,
        "verdict": f"Refused. {shortage}" if shortage else "Refused.",
        "remedy": {
            "fetch more history": f"bellwether fetch {symbol}",
            "or import your own": f"bellwether import FILE --symbol {symbol}",
        },
    }


def _coverage_section(coverage: Coverage) -> Document:
    first, last = coverage.first_session.isoformat(), coverage.last_session.isoformat()
    return {
        "first_session": first,
        "last_session": last,
        "session_count": coverage.session_count,
        "missing_count": len(coverage.missing_sessions),
        "missing_sessions": days(coverage.missing_sessions),
        "sources": [_source(source) for source in coverage.sources],
        "notes": [plain_text(note, limit=200) for source in coverage.sources for note in source.notes],
        "sample_note": _sample_note(coverage.sources),
        "period": f"{first} to {last}, {counted(coverage.session_count, 'session')}",
    }


def _source(source: Source) -> Document:
    share = counted(source.session_count, "session") if source.session_count else "splits or dividends only"
    provider = plain_text(source.provider, limit=64)
    return {
        "provider": provider,
        "session_count": source.session_count,
        "attribution": plain_text(source.attribution, limit=300),
        "text": f"{provider} {share}",
    }


def _sample_note(sources: tuple[Source, ...]) -> str | None:
    ends = [source.last_session for source in sources if source.is_sample and source.last_session]
    return f"Sample data to {max(ends)}" if ends else None


def _provenance_section(provenance: Provenance) -> Document:
    sha256 = provenance.model_sha256
    return {
        "data_cut": {plain_text(name, limit=16): version for name, version in provenance.data_cut.items()},
        "calendar": plain_text(provenance.calendar, limit=32),
        "calendar_version": plain_text(provenance.calendar_version, limit=64),
        "engine_version": plain_text(provenance.engine_version, limit=64),
        "metrics_version": plain_text(provenance.metrics_version, limit=32),
        "model_sha256": None if sha256 is None else plain_text(sha256, limit=64),
    }
