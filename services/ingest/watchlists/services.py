"""Keeps watch lists, and requests what they need refreshed."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import structlog
from django.db import connections, transaction
from uuid6 import uuid7

from services.ingest.fetches.services import OtherFetchOpen, request_fetch
from services.ingest.providers.registry import require_provider
from services.ingest.watchlists.domain import Planned, watched_symbols
from services.ingest.watchlists.selectors import planned_refreshes, watch_list_named, watch_lists
from shared.contracts.market_data import WatchListDeleted, WatchListSaved
from shared.errors import BellwetherError, ValidationFailed
from shared.eventstore.append import append
from shared.eventstore.jobs import JobAlreadyOpen

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TICK_LOCK = "watchlists: request due refreshes"
log = structlog.get_logger(__name__)


class WatchListExists(BellwetherError):
    """Raised when a new watch list is to have the name of another; replace that one, or take another name."""

    status, slug, title = 409, "watch-list-exists", "There is a watch list of that name"


def save_watch_list(
    *,
    name: str,
    symbols: Iterable[str],
    provider: str,
    active: bool,
    now: datetime,
    is_new: bool | None = None,
) -> None:
    """Save a watch list, in the place of one of its name if there is one; its symbols are tried anew.

    `is_new` says whether there may be none of its name, or has to be one (None: as it is). Raises
    WatchListExists, NotFound, InvalidSymbol, ValidationFailed for no or too many symbols, and UnknownProvider.
    """
    require_provider(provider)
    if not NAME.fullmatch(name):
        raise ValidationFailed(f"{name[:60]!r}: a watch list's name has 1 to 40 letters, digits, - and _.")
    saved = WatchListSaved(name=name, symbols=watched_symbols(symbols), provider=provider, active=active)
    with transaction.atomic(using="ingest", durable=True):
        _lock(name)
        if is_new is False:
            watch_list_named(name)
        if is_new and watch_lists().filter(name=name).exists():
            raise WatchListExists(f"There is a watch list {name} already.")
        append("ingest", _stream(name), saved, now=now)


def delete_watch_list(*, name: str, now: datetime) -> None:
    """Delete a watch list; prices stay. Raises NotFound."""
    with transaction.atomic(using="ingest", durable=True):
        _lock(name)
        watch_list_named(name)
        append("ingest", _stream(name), WatchListDeleted(name=name), now=now)


def request_due_refreshes(*, now: datetime) -> list[UUID]:
    """Request every refresh that is due and that the quota allows for; return the new fetches' ids.

    Of several that are called at once only one does anything, and the next sees what it requested.
    """
    with _alone() as is_alone:
        due = [each for each in planned_refreshes(now=now) if each.at and each.at <= now] if is_alone else []
        return [fetch_id for planned in due if (fetch_id := _request(planned, now=now))]


def _request(planned: Planned, *, now: datetime) -> UUID | None:
    fetch_id = UUID(str(uuid7()))
    try:
        request_fetch(
            fetch_id=fetch_id,
            symbol=planned.symbol,
            provider=planned.provider,
            start=None,
            end=None,
            with_actions=planned.with_actions,
            reason=planned.reason,
            now=now,
        )
    except (JobAlreadyOpen, OtherFetchOpen):
        return None  # somebody else asked for it meanwhile
    except BellwetherError as error:  # one that cannot be asked keeps no other from it
        log.warning("refresh_not_requested", symbol=planned.symbol, problem=error.slug, detail=error.detail)
        return None
    return fetch_id


@contextmanager
def _alone() -> Iterator[bool]:
    """Tell whether nobody else is inside, as long as this lasts.

    The lock is the session's, since each request is a transaction of its own; it goes with its connection.
    """
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_TICK_LOCK])
        is_alone = cursor.fetchone() == (True,)
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_TICK_LOCK])


def _lock(name: str) -> None:
    """Let one at a time look at a list and change it."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_stream(name)])


def _stream(name: str) -> str:
    return f"watchlist-{name}"
