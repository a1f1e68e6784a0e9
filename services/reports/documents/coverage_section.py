"""The document's section on the prices that were used, and what of them wants the reader's attention."""

from collections.abc import Sequence
from typing import Any

from services.reports.documents.material import Coverage, Gap, HeldChange, Renaming, Source, UnusedPart
from services.reports.documents.wording import counted, plain_text, span

MOST_GAPS = 100
MOST_NAMED_GAPS = 12
MOST_NAMED_CHANGES = 3


def coverage_section(coverage: Coverage) -> dict[str, Any]:
    """Return the section of the stored prices: their range, what is missing of it, and who told them."""
    first, last = coverage.first_session.isoformat(), coverage.last_session.isoformat()
    return {
        "first_session": first,
        "last_session": last,
        "session_count": coverage.session_count,
        "missing_count": sum(gap.session_count for gap in coverage.gaps),
        "gap_count": len(coverage.gaps),
        "gaps": [_gap(gap) for gap in _longest(coverage.gaps, MOST_GAPS)],
        "missing_text": _missing_text(coverage.gaps),
        "unused": coverage.unused and _unused_part(coverage.unused),
        "sources": [_source(source) for source in coverage.sources],
        "notes": [note for source in coverage.sources for note in _notes(source)],
        "sample_note": _sample_note(coverage.sources),
        "period": f"{first} to {last}, {counted(coverage.session_count, 'session')}",
    }


def held_change_section(change: HeldChange) -> dict[str, Any]:
    """Return what is known of a change that waits for an operator."""
    provider, detail = plain_text(change.provider, limit=64), plain_text(change.detail, limit=400)
    days = span(change.first_session, change.last_session)
    return {
        "provider": provider,
        "detail": detail,
        "row_count": change.row_count,
        "first_session": change.first_session.isoformat(),
        "last_session": change.last_session.isoformat(),
        "seen_date": change.seen_date.isoformat(),
        "text": (
            f"A change of {counted(change.row_count, 'stored row')} ({days}) by {provider}, seen on "
            f"{change.seen_date}, waits for your decision and is not applied: bellwether quarantine list. {detail}"
        ),
    }


def attention(
    *, symbol: str, coverage: dict[str, Any], held: Sequence[dict[str, Any]], renaming: Renaming | None
) -> list[dict[str, str]]:
    """Return what a reader must know before the numbers, each with a label: changes that wait, prices not used."""
    found = [{"label": "Held back", "text": change["text"]} for change in held[:MOST_NAMED_CHANGES]]
    if len(held) > MOST_NAMED_CHANGES:
        text = f"In all {len(held)} changes wait for your decision: bellwether quarantine list."
        found.append({"label": "Held back", "text": text})
    if coverage["unused"]:
        found.append({"label": "Not used", "text": coverage["unused"]["text"]})
    if renaming:
        new = plain_text(renaming.symbol, limit=16)
        text = f"{symbol} is called {new} since {renaming.on}; later prices come under that name: bellwether fetch {new}"
        found.append({"label": "Renamed", "text": text})
    return found


def _longest(gaps: Sequence[Gap], count: int) -> list[Gap]:
    """Return so many gaps at most, in their order: no short one stands for one that is longer."""
    longest = sorted(gaps, key=lambda gap: -gap.session_count)[:count]
    return sorted(longest, key=lambda gap: gap.first_session)


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "first_session": gap.first_session.isoformat(),
        "last_session": gap.last_session.isoformat(),
        "session_count": gap.session_count,
        "text": _gap_text(gap),
    }


def _gap_text(gap: Gap) -> str:
    days = span(gap.first_session, gap.last_session)
    return days if gap.session_count == 1 else f"{days} ({counted(gap.session_count, 'session')})"


def _missing_text(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return "none"
    count = sum(gap.session_count for gap in gaps)
    listed = ", ".join(_gap_text(gap) for gap in _longest(gaps, MOST_NAMED_GAPS))
    more = len(gaps) - MOST_NAMED_GAPS
    return f"{count:,}: {listed}" + (f" and {counted(more, 'more range')}" if more > 0 else "")


def _unused_part(unused: UnusedPart) -> dict[str, Any]:
    last, following = unused.last_session.isoformat(), unused.next_session.isoformat()
    count = counted(unused.session_count, "earlier session")
    verb = "is" if unused.session_count == 1 else "are"
    return {
        "session_count": unused.session_count,
        "last_session": last,
        "next_session": following,
        "text": f"{count} up to {last} {verb} not used: no prices are stored from then to {following}.",
    }


def _source(source: Source) -> dict[str, Any]:
    share = counted(source.session_count, "session") if source.session_count else "splits or dividends only"
    provider = plain_text(source.provider, limit=64)
    return {
        "provider": provider,
        "session_count": source.session_count,
        "attribution": plain_text(source.attribution, limit=300),
        "text": f"{provider} {share}",
    }


def _notes(source: Source) -> list[str]:
    """Return what was told with some of a source's bars, and with which: others may have come since."""
    told_by = plain_text(source.provider, limit=64)
    if source.first_noted_session and source.last_noted_session:
        told_by += f", {span(source.first_noted_session, source.last_noted_session)}"
    return [f"{told_by}: {plain_text(note, limit=200)}" for note in source.notes]


def _sample_note(sources: Sequence[Source]) -> str | None:
    ends = [source.last_session for source in sources if source.is_sample and source.last_session]
    return f"Sample data to {max(ends)}" if ends else None
