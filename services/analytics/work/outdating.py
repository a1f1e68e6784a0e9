"""Marks what was computed on prices that were corrected since: exactly that, and each only once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from shared.eventstore.append import append
from shared.pricing.versions import changed_sessions

NAMED_SESSIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdating:
    """How one kind of result is told to be outdated.

    name      of its streams
    field     by which its events name it
    model     its rows, projected from events, with their `data_cut` (version by symbol), sessions and state
    outdated  its event
    earlier   the finished rows that used a symbol's prices at an earlier version
    """

    name: str
    field: str
    model: type[Any]
    outdated: Callable[..., Any]
    earlier: Callable[[str, int], QuerySet[Any]]

    def mark(self, *, symbol: str, version: int, now: datetime) -> int:
        """Tell, in the caller's transaction, of each result whose sessions a version corrected; return how many."""
        results = self.earlier(symbol, version).filter(outdated_by_version=None)
        if not results.exists():
            return 0
        changed = changed_sessions("analytics", symbol, after=version - 1, until=version)
        if not changed:
            return 0
        touched = results.filter(first_session__lte=max(changed), last_session__gte=min(changed))
        return sum(self._tell(result, symbol, changed, now=now) for result in touched)

    def mark_at_once(self, result_id: Any, *, now: datetime) -> None:
        """Tell of corrections that came while a result was made: nobody will speak of them again."""
        result: Any = self.model.objects.using("analytics").get(id=result_id)
        for symbol, version in result.data_cut.items():
            if self._tell(result, symbol, changed_sessions("analytics", symbol, after=version), now=now):
                return

    def _tell(self, result: Any, symbol: str, changed: dict[date, int], *, now: datetime) -> bool:
        """Record that a result rests on sessions that changed since; False where none of its own is among them."""
        inside = {
            day: by for day, by in changed.items() if result.first_session <= day <= result.last_session
        }
        if not inside:
            return False
        event = self.outdated(
            **{self.field: result.id},
            symbol=symbol,
            data_version=result.data_cut[symbol],
            by_version=min(inside.values()),
            changed_count=len(inside),
            changed_sessions=tuple(inside)[:NAMED_SESSIONS],
        )
        append("analytics", f"{self.name}-{result.id}", event, now=now)
        return True
