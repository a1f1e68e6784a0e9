"""Messages set aside with their error: kept until an operator retries or drops them."""

from collections.abc import Callable

import structlog
from django.db import connections, transaction
from django.db.models.functions import Now

from shared.contracts.codec import body_hash
from shared.contracts.envelope import Envelope
from shared.errors import BellwetherError, NotFound
from shared.eventstore.models import Parked

log = structlog.get_logger(__name__)


class AlreadyResolved(BellwetherError):
    """Raised when a parked message was retried or dropped before."""

    status, slug, title = 409, "already-resolved", "The parked message is resolved"


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
                detail=detail.replace("\x00", ""),
                attempts=attempts,
            )
        ],
        ignore_conflicts=True,
    )
    log.error("message_parked", service=service, slug=slug, stream=envelope.stream if envelope else None)


def parked_messages(service: str) -> list[Parked]:
    """Return the unresolved messages, oldest first."""
    return list(Parked.objects.using(service).filter(resolution=None).order_by("id"))


def retry_parked(service: str, parked_id: int, *, receive: Callable[[str, list[bytes]], None]) -> None:
    """Resolve a parked message and hand its body to `receive` as if it had just come.

    Raises NotFound and AlreadyResolved.
    """
    receive(service, [_resolve(service, parked_id, "retried")])


def drop_parked(service: str, parked_id: int) -> None:
    """Resolve a parked message without its effect, and let its stream go on behind it.

    Raises NotFound and AlreadyResolved.
    """
    body = _resolve(service, parked_id, "dropped")
    row = Parked.objects.using(service).get(id=parked_id)
    if row.event_id is None or row.slug == "id-conflict":
        return
    with connections[service].cursor() as cursor, transaction.atomic(using=service, durable=True):
        cursor.execute(
            "INSERT INTO inbox (event_id, source, stream, version, type, body, body_hash, state)"
            " VALUES (%s, %s, %s, %s, '', %s, %s, 'ignored') ON CONFLICT (event_id) DO NOTHING",
            [row.event_id, row.source, row.stream, row.version, body, body_hash(body)],
        )
        place = [row.source, row.stream]
        cursor.execute(
            "INSERT INTO stream_position (source, stream, version) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", place
        )
        cursor.execute(
            "UPDATE stream_position SET version = version + 1 WHERE source = %s AND stream = %s AND version = %s",
            [*place, (row.version or 0) - 1],
        )


def _resolve(service: str, parked_id: int, resolution: str) -> bytes:
    with transaction.atomic(using=service, durable=True):
        row = Parked.objects.using(service).select_for_update().filter(id=parked_id).first()
        if row is None:
            raise NotFound(f"No parked message {parked_id} in {service}.")
        if row.resolution is not None:
            raise AlreadyResolved(f"Parked message {parked_id} was {row.resolution} before.")
        row.resolution, row.resolved_at = resolution, Now()
        row.save(using=service, update_fields=["resolution", "resolved_at"])
        return bytes(row.body)
