"""Messages set aside with their error: kept until an operator retries or drops them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now, Right

from shared.contracts.codec import body_hash
from shared.contracts.envelope import Envelope
from shared.errors import BellwetherError, NotFound
from shared.eventstore.models import Inbox, Parked
from shared.eventstore.positions import advance, lock_position
from shared.observability import metrics

# What was parked under the id of an event that has, or may yet get, another body.
_OF_ANOTHER_BODY = ("id-conflict", "unrecorded-event")
_SHOWN_OF_ERROR = 500  # characters: its last line says what it is
log = structlog.get_logger(__name__)


class AlreadyResolved(BellwetherError):
    """Raised when a parked message was retried or dropped before."""

    status, slug, title = 409, "already-resolved", "The parked message is resolved"


class UnrecordedEvent(BellwetherError):
    """Raised for a message whose event its source has not recorded, or not so: parked, and good for nothing else."""

    status, slug, title = 409, "unrecorded-event", "Its source has no such event on record"


# What has no event on record now has none later: a retry would park it again.
ONLY_TO_DROP = frozenset({UnrecordedEvent.slug})


class NotNext(BellwetherError):
    """Raised when a parked message is to be dropped although earlier ones of its stream have not come."""

    status, slug, title = 409, "not-next-in-stream", "Earlier events of the stream have not come"


def park(
    service: str, *, body: bytes, envelope: Envelope | None, slug: str, detail: str, attempts: int
) -> None:
    """Set a message aside; a body that is parked already stays one row."""
    Parked.objects.using(service).bulk_create(
        [
            Parked(
                event_id=envelope.event_id if envelope else None,
                source=envelope.source if envelope else "",
                stream=envelope.stream if envelope else "",
                version=envelope.version if envelope else None,
                body=body,
                body_hash=body_hash(body),
                slug=slug,
                detail=detail.encode(errors="replace").decode().replace("\x00", ""),
                attempts=attempts,
            )
        ],
        ignore_conflicts=True,
    )
    metrics.EVENTS_RECEIVED.labels(service, "parked").inc()
    log.error("message_parked", service=service, slug=slug, stream=envelope.stream if envelope else None)


def parked_messages(service: str, *, with_resolved: bool = False) -> QuerySet[Parked]:
    """Return the unresolved messages, oldest first, or those `with_resolved` ones.

    Bodies and whole errors stay in the database until they are asked for: there may be very many.
    """
    found = _rows(service).defer("body", "detail").order_by("id")
    return found if with_resolved else found.filter(resolution=None)


def ids_to_retry(service: str) -> list[int]:
    """Return the unresolved messages that a retry may help, oldest first."""
    return list(parked_messages(service).exclude(slug__in=ONLY_TO_DROP).values_list("id", flat=True))


def ids_to_drop(service: str, *, slug: str) -> list[int]:
    """Return the unresolved messages that are parked for this reason, those of a stream in its order."""
    found = parked_messages(service).filter(slug=slug).order_by("source", "stream", "version", "id")
    return list(found.values_list("id", flat=True))


def count_only_to_drop(service: str) -> int:
    """Return how many unresolved messages no retry can help."""
    return parked_messages(service).filter(slug__in=ONLY_TO_DROP).count()


def parked_message(service: str, parked_id: int) -> Parked:
    """Return one message, resolved or not. Raises NotFound."""
    row = _rows(service).filter(id=parked_id).first()
    if row is None:
        raise NotFound(f"No parked message {parked_id} in {service}.")
    return row


def retry_parked(service: str, parked_id: int, *, receive: Callable[[str, list[bytes]], None]) -> None:
    """Resolve a parked message and hand its body to `receive` as if it had just come.

    Raises NotFound, AlreadyResolved, and UnrecordedEvent for what can only be dropped.
    """
    with transaction.atomic(using=service, durable=True):
        row = _resolve(service, parked_id, "retried")
        if row.slug in ONLY_TO_DROP:
            raise UnrecordedEvent(f"{row.source} has not recorded this event; it can only be dropped.")
    receive(service, [bytes(row.body)])


def outcome_of(service: str, row: Parked) -> dict[str, Any]:
    """Return the `outcome` of a message's retry: its state in the inbox, or `parked` with its new `parked_as`."""
    again = Parked.objects.using(service).filter(body_hash=row.body_hash, resolution=None).first()
    if again is not None:
        return {"outcome": "parked", "parked_as": again.id, "slug": again.slug, "detail": again.detail}
    received = Inbox.objects.using(service).filter(body_hash=row.body_hash)
    return {"outcome": received.values_list("state", flat=True).first(), "parked_as": None}


def drop_parked(service: str, parked_id: int) -> Parked:
    """Resolve a parked message without its effect and return it; its stream goes on behind it with the next reconcile.

    Raises NotFound, AlreadyResolved, and NotNext while an earlier event of its stream has not come.
    """
    with transaction.atomic(using=service, durable=True):
        row = _resolve(service, parked_id, "dropped")
        if row.event_id is not None and row.version is not None and row.slug not in _OF_ANOTHER_BODY:
            _pass_over(service, row, row.event_id, row.version)
    return row


def _rows(service: str) -> QuerySet[Parked]:
    """Return all messages, each with the `error_end`, the last characters of its error."""
    found: QuerySet[Any] = Parked.objects.using(service).annotate(error_end=Right("detail", _SHOWN_OF_ERROR))
    return found


def _resolve(service: str, parked_id: int, resolution: str) -> Parked:
    row = Parked.objects.using(service).select_for_update().filter(id=parked_id).first()
    if row is None:
        raise NotFound(f"No parked message {parked_id} in {service}.")
    if row.resolution is not None:
        again = Parked.objects.using(service).filter(body_hash=row.body_hash, resolution=None).first()
        successor = f" and is parked again as {again.id}" if again else ""
        raise AlreadyResolved(f"Parked message {parked_id} was {row.resolution} before{successor}.")
    row.resolution, row.resolved_at = resolution, Now()
    row.save(using=service, update_fields=["resolution", "resolved_at"])
    return row


def _pass_over(service: str, row: Parked, event_id: UUID, version: int) -> None:
    """Count the event as received and its place in the stream as done."""
    position = lock_position(service, row.source, row.stream)
    if version > position + 1:
        raise NotNext(
            f"{row.stream} is at version {position}; version {version} cannot be dropped before its turn."
        )
    body = bytes(row.body)
    Inbox.objects.using(service).bulk_create(
        [
            Inbox(
                event_id=event_id,
                source=row.source,
                stream=row.stream,
                version=version,
                type=Envelope.from_bytes(body).type,
                body=body,
                body_hash=row.body_hash,
                state="ignored",
            )
        ],
        ignore_conflicts=True,
    )
    if version == position + 1:
        advance(service, {(row.source, row.stream): version})
