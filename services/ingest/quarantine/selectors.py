"""Reads of what is held back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import F, QuerySet

from services.ingest.market.suspicion import AlreadyHeld
from services.ingest.quarantine.models import Quarantine, QuarantinedAction, QuarantinedBar
from shared.errors import NotFound

# An accepted change is no more, for its rows are stored; one that is outdated is looked at anew when it comes again.
_SEEN_BARS = """
SELECT q.symbol, q.id, q.state = 'open', held_version, session, (open * 1000000)::bigint, (high * 1000000)::bigint,
    (low * 1000000)::bigint, (close * 1000000)::bigint, volume
FROM quarantine q JOIN quarantined_bar bar ON bar.quarantine_id = q.id
JOIN unnest(%(symbols)s::text[], %(providers)s::text[]) AS teller (symbol, provider) USING (symbol, provider)
WHERE q.state IN ('open', 'dismissed') ORDER BY q.created_at DESC
"""
_SEEN_ACTIONS = """
SELECT q.symbol, q.id, q.state = 'open', action.kind, ex_date, held_version, value
FROM quarantine q JOIN quarantined_action action ON action.quarantine_id = q.id
JOIN unnest(%(symbols)s::text[], %(providers)s::text[]) AS teller (symbol, provider) USING (symbol, provider)
WHERE q.state IN ('open', 'dismissed') ORDER BY q.created_at DESC
"""
_COMPARED_BARS = """
SELECT told.session, held.open, held.high, held.low, held.close, held.volume,
    told.open, told.high, told.low, told.close, told.volume
FROM quarantined_bar told
JOIN bar held ON held.symbol = %s AND held.session = told.session AND held.version = told.held_version
WHERE told.quarantine_id = %s ORDER BY told.session
"""
_COMPARED_ACTIONS = """
SELECT told.kind, told.ex_date, held.value, told.value
FROM quarantined_action told
LEFT JOIN action held ON held.symbol = %s AND held.kind = told.kind AND held.ex_date = told.ex_date
    AND held.version = told.held_version
WHERE told.quarantine_id = %s ORDER BY told.ex_date, told.kind
"""
_PRICES = ("open", "high", "low", "close", "volume")


def quarantines() -> QuerySet[Quarantine]:
    """Return what is or was held back, newest first; `live_state` is the name that lists filter by."""
    newest = Quarantine.objects.using("ingest").order_by("-created_at", "-id")
    return newest.annotate(live_state=F("state"))


def quarantine_by_id(quarantine_id: UUID) -> Quarantine:
    """Return one quarantine. Raises NotFound."""
    found = quarantines().filter(id=quarantine_id).first()
    if found is None:
        raise NotFound(f"There is no quarantine {quarantine_id}.")
    return found


def held_rows(quarantine_id: UUID) -> tuple[list[QuarantinedBar], list[QuarantinedAction]]:
    """Return the bars and actions that are held back, ascending."""
    bars = QuarantinedBar.objects.using("ingest").filter(quarantine_id=quarantine_id)
    actions = QuarantinedAction.objects.using("ingest").filter(quarantine_id=quarantine_id)
    return list(bars.order_by("session")), list(actions.order_by("ex_date", "kind"))


def compared_bars(found: Quarantine) -> list[dict[str, Any]]:
    """Return each held bar as it was stored when the change came and as it was told, ascending."""
    return [
        {
            "session": session,
            "held": dict(zip(_PRICES, values[:5], strict=True)),
            "told": dict(zip(_PRICES, values[5:], strict=True)),
            "close_change_ratio": float(values[8] / values[3] - 1),
        }
        for session, *values in _rows(_COMPARED_BARS, found)
    ]


def compared_actions(found: Quarantine) -> list[dict[str, Any]]:
    """Return each held split and dividend likewise, ascending; None where there was, or is, none."""
    names = ("kind", "ex_date", "held", "told")
    return [dict(zip(names, row, strict=True)) for row in _rows(_COMPARED_ACTIONS, found)]


def _rows(statement: str, found: Quarantine) -> list[tuple[Any, ...]]:
    with connections["ingest"].cursor() as cursor:
        cursor.execute(statement, [found.symbol, found.id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def already_held(providers: Mapping[str, str]) -> dict[str, AlreadyHeld]:
    """Return by symbol which changes told by its provider wait for an operator or were dismissed."""
    if not providers:
        return {}
    tellers = {"symbols": list(providers), "providers": list(providers.values())}
    bars: dict[str, dict[Any, UUID]] = {}
    actions: dict[str, dict[Any, UUID]] = {}
    waiting: dict[str, set[UUID]] = {}
    with connections["ingest"].cursor() as cursor:
        for statement, found in ((_SEEN_BARS, bars), (_SEEN_ACTIONS, actions)):
            cursor.execute(statement, tellers)
            for symbol, quarantine_id, is_open, *key in cursor.fetchall():
                if is_open:
                    waiting.setdefault(symbol, set()).add(quarantine_id)
                found.setdefault(symbol, {}).setdefault(tuple(key), quarantine_id)
    return {
        symbol: AlreadyHeld(
            bars=bars.get(symbol, {}),
            actions=actions.get(symbol, {}),
            open=frozenset(waiting.get(symbol, ())),
        )
        for symbol in bars.keys() | actions.keys()
    }
