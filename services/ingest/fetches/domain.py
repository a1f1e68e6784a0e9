"""The history plan: what is wanted of a symbol, who may have it, and what is missing in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from services.ingest.providers.answers import is_final
from services.ingest.providers.domain import DailySeries
from services.ingest.sessions.domain import (
    FIRST_DATE,
    LAST_DATE,
    NEW_YORK,
    sessions_between,
)

WANTED_SESSIONS = 504  # two years: what a fetch without dates wants to have at least
LONG_HOLE_SESSIONS = 20  # a month without a price is no gap of a vendor any more
JUMP_RATIO = 1.25  # from close to close; more than a quarter asks for the splits


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a fetch is for; `start` and `end` are both included, None leaves that end open."""

    symbol: str
    provider: str
    start: date | None
    end: date | None
    with_actions: bool

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """Return what a fetch job's payload asks."""
        start, end = (
            date.fromisoformat(text) if (text := payload[name]) else None for name in ("start", "end")
        )
        return cls(
            symbol=payload["symbol"],
            provider=payload["provider"],
            start=start,
            end=end,
            with_actions=payload.get("with_actions", True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The answers of all that were asked, in that order, and why others gave none.

    `kept_back` says who has, or may have, older sessions and does not give them. Who `is_current` has the newest
    sessions too: if they are missing all the same, that is a shortfall.
    """

    series: tuple[DailySeries, ...]
    shortfalls: tuple[str, ...] = ()
    kept_back: tuple[str, ...] = ()
    is_current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is stored of an asked range: its ends that are missing, and sessions without a bar in between."""

    first_session: date
    last_session: date
    bar_count: int
    missing_before: date | None
    missing_after: date | None
    inner_gaps: tuple[date, ...]
    longest_hole: int


def last_final_session(now: datetime) -> date:
    """Return the last session that was over for half an hour at `now`."""
    today = min(now.astimezone(NEW_YORK).date(), LAST_DATE)
    recent = sessions_between(max(today - timedelta(days=14), FIRST_DATE), today)
    return next(day for day in reversed(recent) if is_final(day, now=now))


def lacks_recent(held: Sequence[date], asked: Asked, *, now: datetime) -> bool:
    """Return whether the newest sessions that are wanted are not among `held`, ascending."""
    if not held:
        return True
    wanted = sessions_between(held[-1], min(asked.end or LAST_DATE, last_final_session(now)))
    return bool(wanted) and wanted[-1] > held[-1]


def lacks_history(held: Sequence[date], asked: Asked) -> bool:
    """Return whether sessions are wanted that are older than `held`, ascending, or lie in a long hole of theirs."""
    inside = within(held, asked)
    if not inside or longest_hole(inside) > LONG_HOLE_SESSIONS:
        return True
    if asked.start is None:
        return len(held) < WANTED_SESSIONS
    return len(sessions_between(max(asked.start, FIRST_DATE), inside[0])) > 1


def within(days: Sequence[date], asked: Asked) -> list[date]:
    """Return those of `days` that are in the asked range."""
    return [day for day in days if (asked.start or date.min) <= day <= (asked.end or date.max)]


def told_of(provider: str, detail: str) -> str:
    """Return what happened to a provider as a sentence that names it, without its full stop."""
    told = detail.rstrip(".")
    return told if provider in told else f"{provider} failed: {told}"


def longest_hole(sessions: Sequence[date]) -> int:
    """Return how many trading sessions in a row are missing at most between two of `sessions`, ascending."""
    stored, hole, longest = set(sessions), 0, 0
    for day in sessions_between(sessions[0], sessions[-1]):
        hole = 0 if day in stored else hole + 1
        longest = max(longest, hole)
    return longest


def shows_jump(series: DailySeries, *, since: date | None) -> bool:
    """Return whether a close after `since` is over a quarter away from the one before: it may be a split."""
    for before, after in zip(series.bars, series.bars[1:], strict=False):
        ratio = after.close / before.close
        if (since is None or after.session > since) and not 1 / JUMP_RATIO < ratio < JUMP_RATIO:
            return True
    return False


def coverage_of(sessions: Sequence[date], asked: Asked, *, now: datetime) -> Coverage:
    """Return how the stored `sessions` of the asked range, ascending and at least one, cover it as of `now`."""
    first, last = sessions[0], sessions[-1]
    before = sessions_between(max(asked.start, FIRST_DATE), first)[:1] if asked.start else ()
    after = sessions_between(last, min(asked.end, last_final_session(now)))[-1:] if asked.end else ()
    stored = set(sessions)
    return Coverage(
        first_session=first,
        last_session=last,
        bar_count=len(sessions),
        missing_before=before[0] if before and before[0] < first else None,
        missing_after=after[0] if after and after[0] > last else None,
        inner_gaps=tuple(day for day in sessions_between(first, last) if day not in stored),
        longest_hole=longest_hole(sessions),
    )


def shortfall_of(coverage: Coverage, gathered: Gathered, asked: Asked, *, now: datetime) -> str | None:
    """Return in sentences why the asked range is not whole as of `now`, None when it is.

    Without a start, what a source keeps back counts only below two years of stored sessions.
    """
    reasons = []
    if coverage.missing_before:
        reasons.append(f"Nothing is stored from {coverage.missing_before} to {coverage.first_session}")
    if coverage.missing_after:
        reasons.append(f"Nothing is stored after {coverage.last_session}, up to {coverage.missing_after}")
    if coverage.longest_hole > LONG_HOLE_SESSIONS:
        reasons.append(f"{coverage.longest_hole} sessions in a row are missing inside")
    if reasons or (asked.start is None and coverage.bar_count < WANTED_SESSIONS):
        reasons += gathered.kept_back
    newest = coverage.last_session
    if gathered.is_current and asked.end is None and lacks_recent([newest], asked, now=now):
        reasons.append(f"Nothing is stored after {newest}, and {last_final_session(now)} is over")
    return ". ".join([*reasons, *gathered.shortfalls]) + "." if reasons else None
