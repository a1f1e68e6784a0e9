"""How a service receives events: every effect once, in the order of each stream, and nothing lost."""

import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import batched, count
from uuid import UUID

import structlog
from django.db import InterfaceError, InternalError, OperationalError, connections, transaction
from django.db.models import F, Subquery

from shared.contracts.codec import MalformedEvent, OversizeEvent, body_hash
from shared.contracts.envelope import Envelope
from shared.contracts.registry import UnsupportedVersion
from shared.cursors import prepared_cursor
from shared.errors import BellwetherError
from shared.eventstore.effects import CrashedBefore, IdConflict, Received, apply
from shared.eventstore.models import Inbox, StreamPosition
from shared.eventstore.outages import answers, is_outage
from shared.eventstore.parked import UnrecordedEvent, park
from shared.eventstore.positions import Place
from shared.observability import metrics

type Pause = Callable[[float], object]
MAX_FAILURES, MAX_OUTAGES = 3, 30
_AT_ONCE = (10_000, 25, 5, 1)  # events applied together, by the most attempts that one of them had
log = structlog.get_logger(__name__)
_interrupted: defaultdict[str, set[UUID]] = defaultdict(set)
_outages: Counter[UUID] = Counter()  # of events on their own, while the database answered

# Note [Attempts of a handler]
# That an event was begun is committed before handling, once for a whole batch. If a message kills the process, all
# of its batch has one attempt; on the next deliveries it comes in ever smaller parts, each counted just before it is
# handled, and in the end alone: so only the culprit reaches the limit. Not alone at once, for the attempts of others
# who were given the same events at the same time look no different. Processes die for other reasons too: the limit is
# far above what deploys and crashes around one event come to, and below the broker's own limit of deliveries.
# An outage says nothing about the event that it interrupts, so that attempt is taken back, by a later batch when
# the database is still away. An error is another matter: the handler was asked and said no, so three are enough.

# Note [Outages that only one event has]
# A lock that is never free, or a line that breaks each time, looks like an outage, but the database answers the next
# question. Then the neighbours are applied all the same, and the event comes again by the bus and by the reconcile,
# for as long as any lock is held in reason, before it is parked too.

# Note [One transaction for a batch]
# A commit costs more than most effects, so a batch is applied in one transaction. When anything in it fails, all
# of it is rolled back and each event is applied on its own: the neighbours of a bad one do not suffer from it.

_RECORDED = "SELECT event_id, encode(sha256(body), 'hex') FROM feed.{source} WHERE event_id = ANY(%s)"


def receive(
    service: str, bodies: Sequence[bytes], *, pause: Pause, feeds: Collection[str] | None = None
) -> None:
    """Take in a batch of message bodies; when this returns each is handled, stored or parked.

    `pause(seconds)` is called between tries of a failing handler; when it returns something true, as an event that is
    set does, the failure is raised instead. `feeds` are the sources whose records are the
    authority: what none of them has recorded is parked. None: the bodies come from a feed themselves. An outage of
    the database is raised: the caller gives the batch back to the bus and connects again.
    """
    items = [found for body in bodies if (found := _decode(service, body)) is not None]
    if items and feeds is not None:
        items = _recorded(service, items, feeds)
    if not items:
        return
    before = _begin(service, [item.envelope.event_id for item in items])
    at_once = _AT_ONCE[min(max(before.values()), len(_AT_ONCE) - 1)]
    outages = [
        error for part in batched(items, at_once) for error in _apply_part(service, part, before, pause)
    ]
    if outages:
        raise outages[0]


def _apply_part(
    service: str, items: Sequence[Received], before: dict[UUID, int], pause: Pause
) -> list[OperationalError | InterfaceError | InternalError]:
    """Apply some events together, or else each alone; return the outages that only single ones have."""
    known = {item.envelope.event_id for item in items if before[item.envelope.event_id] > 0}
    begun = _begin_again(service, known) if known else {}
    if len(items) > 1 and _apply_together(service, items):
        for source, stream in _with_a_waiting_successor(service, {item.place for item in items}):
            drain(service, source, stream, pause=pause)
        return []
    ways = (_apply_next(service, item, begun.get(item.envelope.event_id, 1), pause) for item in items)
    return [outage for outage in ways if outage is not None]


def _apply_next(
    service: str, item: Received, begun: int, pause: Pause
) -> OperationalError | InterfaceError | InternalError | None:
    """Apply one event of a batch and what waits for it; return the outage that only it has."""
    try:
        _apply_alone(service, item, begun=begun, pause=pause)
        drain(service, *item.place, pause=pause)
    except (OperationalError, InterfaceError, InternalError) as outage:
        if not answers(service):
            raise
        return outage
    return None


def drain(service: str, source: str, stream: str, *, pause: Pause) -> int:
    """Apply waiting events of one stream that have become next in order; return how many."""
    applied = 0
    while (row := _next_waiting(service, source, stream)) is not None:
        item = _received(bytes(row.body))
        begun = _begin_again(service, [row.event_id])[row.event_id]
        _apply_alone(service, item, begun=begun, pause=pause)
        applied += 1
    return applied


def _decode(service: str, body: bytes) -> Received | None:
    try:
        return _received(body)
    except (MalformedEvent, OversizeEvent) as error:
        park(service, body=body, envelope=None, slug=error.slug, detail=error.detail, attempts=1)
        return None


def _received(body: bytes) -> Received:
    return Received(envelope=Envelope.from_bytes(body), body=body, digest=body_hash(body))


def _recorded(service: str, items: Sequence[Received], feeds: Collection[str]) -> list[Received]:
    """Return those that their source has recorded just so, and park the others.

    A database that was restored to an earlier state has forgotten events that are still on the bus.
    """
    found: set[tuple[UUID, str]] = set()
    for source in feeds:
        ids = [item.envelope.event_id for item in items if item.envelope.source == source]
        with prepared_cursor(service) as cursor:
            cursor.execute(_RECORDED.format(source=source), [ids])
            found.update(cursor.fetchall())
    for item in items:
        if (item.envelope.event_id, item.digest) not in found:
            envelope = item.envelope
            error = UnrecordedEvent(
                f"{envelope.source} has not recorded it as {envelope.stream} {envelope.version}."
            )
            _set_aside(service, item, error, 1)
    return [item for item in items if (item.envelope.event_id, item.digest) in found]


def _begin(service: str, event_ids: list[UUID]) -> dict[UUID, int]:
    """Count a first attempt for ids without one; return for each id the attempts it had before."""
    if _interrupted[service]:
        _settle_interrupted(service)
    with prepared_cursor(service) as cursor:
        cursor.execute("SELECT event_id, attempts FROM attempt WHERE event_id = ANY(%s)", [event_ids])
        before = dict(cursor.fetchall())
        cursor.execute(
            "INSERT INTO attempt (event_id, attempts) SELECT unnest(%s::uuid[]), 1 ON CONFLICT DO NOTHING",
            [[event_id for event_id in event_ids if event_id not in before]],
        )
    return {event_id: before.get(event_id, 0) for event_id in event_ids}


def _begin_again(service: str, event_ids: Collection[UUID]) -> dict[UUID, int]:
    """Count one more attempt of each event and return how many each has with it."""
    with prepared_cursor(service) as cursor:
        cursor.execute(
            "INSERT INTO attempt (event_id, attempts) SELECT unnest(%s::uuid[]), 1 ON CONFLICT (event_id)"
            " DO UPDATE SET attempts = attempt.attempts + 1, last_at = now() RETURNING event_id, attempts",
            [sorted(event_ids)],  # in one order, so that two who count the same ones wait for each other
        )
        return dict(cursor.fetchall())


def _apply_together(service: str, items: Sequence[Received]) -> bool:
    """Apply a batch in one transaction; False when something in it failed and nothing was applied."""
    try:
        apply(service, items)
    except Exception as error:  # whatever it is comes again, alone
        if is_outage(service, error):
            _take_back(service, [item.envelope.event_id for item in items])
            if not answers(service):
                raise
        metrics.BATCHES_FAILED.labels(service).inc()
        log.info("batch_failed", service=service, events=len(items), error=type(error).__name__)
        return False
    return True


def _apply_alone(service: str, item: Received, *, begun: int, pause: Pause) -> None:
    for failures in count(1):
        try:
            apply(service, [item], begun=begun)
        except (MalformedEvent, UnsupportedVersion, IdConflict) as error:
            _set_aside(service, item, error, failures)
            return
        except CrashedBefore as error:
            _set_aside(service, item, error, begun)
            return
        except Exception as error:  # the boundary of every handler: whatever it is, it is kept
            if is_outage(service, error):
                _take_back(service, [item.envelope.event_id])
                if not _is_too_often(service, item.envelope.event_id):
                    raise
                _set_aside(service, item, error, MAX_OUTAGES)
                return
            log.warning("event_handler_failed", type=item.envelope.type, failures=failures, exc_info=True)
            if failures >= MAX_FAILURES:
                _set_aside(service, item, error, failures)
                return
            metrics.EVENT_RETRIES.labels(service).inc()
            if pause(0.05 * 2**failures):
                raise  # asked to stop: the next process tries it in its own time
        else:
            _outages.pop(item.envelope.event_id, None)
            return


def _is_too_often(service: str, event_id: UUID) -> bool:
    """Count an outage that an event met on its own; return whether it is the event that has them."""
    if not answers(service):
        return False
    _outages[event_id] += 1
    if _outages[event_id] < MAX_OUTAGES:
        return False
    del _outages[event_id]
    return True


def _take_back(service: str, event_ids: list[UUID]) -> None:
    connections[service].close()
    _interrupted[service].update(event_ids)
    with suppress(OperationalError, InterfaceError):
        _settle_interrupted(service)


def _settle_interrupted(service: str) -> None:
    """Forget the attempts that an outage interrupted, once the database can be asked to; earlier ones still count."""
    event_ids = list(_interrupted[service])
    with connections[service].cursor() as cursor:
        cursor.execute("UPDATE attempt SET attempts = attempts - 1 WHERE event_id = ANY(%s)", [event_ids])
        cursor.execute("DELETE FROM attempt WHERE event_id = ANY(%s) AND attempts <= 0", [event_ids])
    _interrupted[service].difference_update(event_ids)


def _end(service: str, event_ids: list[UUID]) -> None:
    with connections[service].cursor() as cursor:
        cursor.execute("DELETE FROM attempt WHERE event_id = ANY(%s)", [event_ids])


def _set_aside(service: str, item: Received, error: Exception, attempts: int) -> None:
    if isinstance(error, BellwetherError):
        slug, detail = error.slug, error.detail
    else:
        slug, detail = "handler-failed", "".join(traceback.format_exception(error))[-8000:]
    event_id = item.envelope.event_id
    with transaction.atomic(using=service, durable=True):
        # A parked message has no inbox row of its own, so that a retry is a first delivery.
        Inbox.objects.using(service).filter(event_id=event_id, body_hash=item.digest).delete()
        park(service, body=item.body, envelope=item.envelope, slug=slug, detail=detail, attempts=attempts)
        _end(service, [event_id])


def _next_waiting(service: str, source: str, stream: str) -> Inbox | None:
    place = {"source": source, "stream": stream}
    position = StreamPosition.objects.using(service).filter(**place)
    following = Subquery(position.annotate(following=F("version") + 1).values("following"))
    return Inbox.objects.using(service).filter(**place, state="waiting", version=following).first()


def _with_a_waiting_successor(service: str, places: Collection[Place]) -> list[Place]:
    """Return those of the streams whose next event came before its turn."""
    with prepared_cursor(service) as cursor:
        cursor.execute(
            "SELECT source, stream FROM unnest(%s::text[], %s::text[]) AS place (source, stream)"
            " JOIN stream_position p USING (source, stream) JOIN inbox i USING (source, stream)"
            " WHERE i.state = 'waiting' AND i.version = p.version + 1",
            [list(column) for column in zip(*places, strict=True)],
        )
        return cursor.fetchall()  # type: ignore[no-any-return]
