"""Holds back changes of known prices that look wrong, until an operator decides."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid5

import numpy as np
from django.db import connections, transaction

from services.ingest.indexes.services import adopt_history, lock_names
from services.ingest.market.columns import NO_BARS, PRICES, SeriesColumns, bars_of
from services.ingest.market.copying import HEADER, TRAILER, Millionths, binary_rows
from services.ingest.market.domain import ActionChange, Held
from services.ingest.market.record import NewVersion, held_for, notes_of, write_versions
from services.ingest.market.suspicion import Suspicion
from services.ingest.quarantine.models import Quarantine, QuarantinedAction, QuarantinedBar
from services.ingest.quarantine.selectors import held_rows, quarantine_by_id
from shared.contracts.codec import dumps, to_json
from shared.contracts.market_data import (
    ChangeOutdated,
    ChangeQuarantined,
    QuarantineAccepted,
    QuarantineDismissed,
)
from shared.errors import BellwetherError
from shared.eventstore.append import append

_NAMESPACE = UUID("8f4a1d0c-6c0e-4a57-9a39-51f1a5f0b3d2")
_COPY_BARS = (
    "COPY quarantined_bar (quarantine_id, session, held_version, open, high, low, close, volume)"
    " FROM STDIN (FORMAT BINARY)"
)


class AlreadyDecided(BellwetherError):
    """Raised when a held change was accepted or dismissed before; a decision stands."""

    status, slug, title = 409, "already-decided", "The change was decided before"


class StoredPricesChanged(BellwetherError):
    """Raised when a held change is accepted whose stored rows are others by now; dismiss it and fetch again."""

    status, slug, title = 409, "stored-prices-changed", "The stored prices changed since"


def hold_back(*, told: SeriesColumns, fetch_id: UUID, suspicion: Suspicion, now: datetime) -> UUID:
    """Store suspicious changes of an answer beside the record, and return their quarantine's id.

    Runs in the caller's transaction on alias `ingest`, under the instrument's lock. The id is made from the
    content, so that a fetch never holds back the same change twice. Raises StreamConflict when it did.
    """
    content_hash = _content_hash(told, suspicion, fetch_id)
    quarantine_id = uuid5(_NAMESPACE, content_hash)
    days = [*suspicion.bars.told["session"].tolist(), *(change.ex_date for change in suspicion.actions)]
    _store(quarantine_id, suspicion)
    event = ChangeQuarantined(
        quarantine_id=quarantine_id,
        symbol=told.symbol,
        provider=told.provider,
        attribution=told.attribution,
        fetch_id=fetch_id,
        kind=suspicion.kind,
        detail=suspicion.detail,
        content_hash=content_hash,
        row_count=suspicion.row_count,
        first_session=min(days),
        last_session=max(days),
    )
    append("ingest", _stream(quarantine_id), event, now=now, expected_version=0)
    return quarantine_id


def accept_change(*, quarantine_id: UUID, decided_by: str, now: datetime) -> int:
    """Record exactly the held rows as a correction, and return the instrument's version that they are.

    What later names of the instrument took over follows. Raises NotFound, AlreadyDecided, and StoredPricesChanged.
    """
    with transaction.atomic(using="ingest", durable=True):
        found = _open_one(quarantine_id)
        version = _correction(found)
        write_versions([version], now=now)
        accepted = QuarantineAccepted(
            quarantine_id=quarantine_id, version=version.number, decided_by=decided_by
        )
        append("ingest", _stream(quarantine_id), accepted, now=now, expected_version=1)
        adopt_history(symbol=found.symbol, now=now)
    return version.number


def dismiss_change(*, quarantine_id: UUID, decided_by: str, now: datetime) -> str:
    """Drop the held rows for good: the same change is not held back again; return the state that follows.

    That is `dismissed`, or `outdated` when stored rows changed meanwhile: those that still differ are then looked at
    anew. Raises NotFound and AlreadyDecided.
    """
    with transaction.atomic(using="ingest", durable=True):
        found = _open_one(quarantine_id)
        try:
            _correction(found)
        except StoredPricesChanged:
            outdate([quarantine_id], now=now)
            return "outdated"
        dismissed = QuarantineDismissed(quarantine_id=quarantine_id, decided_by=decided_by)
        append("ingest", _stream(quarantine_id), dismissed, now=now, expected_version=1)
    return "dismissed"


def outdate(quarantine_ids: Iterable[UUID], *, now: datetime) -> None:
    """Close open quarantines that speak of rows that are no more, or that the vendor took back.

    Runs in the caller's transaction on alias `ingest`, under the instrument's lock.
    """
    for quarantine_id in quarantine_ids:
        outdated = ChangeOutdated(quarantine_id=quarantine_id)
        append("ingest", _stream(quarantine_id), outdated, now=now, expected_version=1)


def _open_one(quarantine_id: UUID) -> Quarantine:
    """Return a quarantine that nobody decides in between. Raises NotFound and AlreadyDecided."""
    lock_names(symbol=quarantine_by_id(quarantine_id).symbol)
    found = quarantine_by_id(quarantine_id)  # as it is now that nobody else has the lock
    if found.state != "open":
        if found.decided_by is None:
            raise AlreadyDecided(f"It is outdated since {found.decided_at:%Y-%m-%d}.")
        raise AlreadyDecided(f"{found.decided_by} {found.state} it on {found.decided_at:%Y-%m-%d}.")
    return found


def _correction(found: Quarantine) -> NewVersion:
    """Return the version that the held rows make. Raises StoredPricesChanged."""
    bars, actions = held_rows(found.id)
    told = SeriesColumns(
        symbol=found.symbol,
        provider=found.provider,
        attribution=found.attribution,
        bars=bars_of([(bar.session, *(getattr(bar, name) for name in PRICES), bar.volume) for bar in bars]),
        notes=notes_of(found.symbol, provider=found.provider),
    )
    (held,) = held_for([told])
    stored = {(item.action.kind, item.action.ex_date): item for item in held.actions}
    changes = tuple(
        ActionChange(
            kind=row.kind, ex_date=row.ex_date, held=stored.get((row.kind, row.ex_date)), told=row.value
        )
        for row in actions
    )
    _require_unchanged(bars, actions, held)
    return NewVersion(
        symbol=told.symbol,
        provider=told.provider,
        attribution=told.attribution,
        notes=told.notes,
        fetch_id=found.fetch_id,
        before=held.totals,
        added=NO_BARS,
        corrected=told.bars,
        actions=changes,
    )


def _require_unchanged(bars: list[QuarantinedBar], actions: list[QuarantinedAction], held: Held) -> None:
    """Raise StoredPricesChanged unless each row would replace the version that it was held back against."""
    now = dict(zip(held.bars["session"].tolist(), held.versions.tolist(), strict=True))
    actions_now = {(item.action.kind, item.action.ex_date): item.version for item in held.actions}
    moved = [bar.session for bar in bars if now.get(bar.session) != bar.held_version]
    moved += [row.ex_date for row in actions if actions_now.get((row.kind, row.ex_date)) != row.held_version]
    if moved:
        raise StoredPricesChanged(
            f"Of the rows that this change would replace {len(moved)} are others by now, the first of {min(moved)}."
            " Dismiss it and fetch the symbol again."
        )


def _store(quarantine_id: UUID, suspicion: Suspicion) -> None:
    bars = suspicion.bars
    rows = binary_rows(
        len(bars),
        quarantine_id.bytes,
        bars.told["session"],
        bars.versions.astype(np.int32),
        *(Millionths(bars.told[name]) for name in PRICES),
        bars.told["volume"],
    )
    with connections["ingest"].cursor() as cursor, cursor.copy(_COPY_BARS) as copy:
        copy.write(HEADER + rows + TRAILER)
    QuarantinedAction.objects.using("ingest").bulk_create(
        QuarantinedAction(
            quarantine_id=quarantine_id,
            kind=change.kind,
            ex_date=change.ex_date,
            held_version=change.held.version if change.held else None,
            value=change.told,
        )
        for change in suspicion.actions
    )


def _content_hash(told: SeriesColumns, suspicion: Suspicion, fetch_id: UUID) -> str:
    """Return the sha256 of what is held back, of whom, and against which stored rows.

    The fetch belongs to it because a change that is outdated may come again.
    """
    content = {
        "fetch_id": fetch_id,
        "symbol": told.symbol,
        "provider": told.provider,
        "bars": suspicion.bars.keys,
        "actions": sorted(
            [change.ex_date.isoformat(), change.kind, change.held and change.held.version, change.told]
            for change in suspicion.actions
        ),
    }
    return hashlib.sha256(dumps(to_json(content))).hexdigest()


def _stream(quarantine_id: UUID) -> str:
    return f"quarantine-{quarantine_id}"
