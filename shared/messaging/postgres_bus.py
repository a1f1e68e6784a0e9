"""The bus without a broker: one row for each event and consumer in schema `bus`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

from shared.cursors import prepared_cursor
from shared.messaging.bus import Message
from shared.messaging.topology import subscribers_of
from shared.observability.kill_points import reached


class PostgresBus:
    """Delivers through `bus.delivery`; rows are claimed with SKIP LOCKED and deleted when settled."""

    def __init__(self) -> None:
        self._holders: dict[str, Any] = {}

    def publish(self, source: str, messages: Sequence[Message]) -> None:
        """Write the deliveries; inside the relay's transaction this happens together with its marks."""
        consumers = list(subscribers_of(source))
        with prepared_cursor(source) as cursor:
            cursor.execute(
                "INSERT INTO bus.delivery (consumer, event_id, body) SELECT consumer, event_id, body"
                " FROM unnest(%s::uuid[], %b::bytea[]) WITH ORDINALITY AS message (event_id, body, number),"
                " unnest(%s::text[]) AS consumer ORDER BY number ON CONFLICT DO NOTHING",
                [
                    [message.event_id for message in messages],
                    [message.body for message in messages],
                    consumers,
                ],
            )
        reached("relay.published")

    @contextmanager
    def batch(self, service: str, *, limit: int, wait_seconds: float) -> Iterator[Sequence[bytes]]:
        """Hold the claimed rows by their locks on a connection of its own, so that a crash frees them."""
        holder = self._holder(service)
        try:
            holder.set_autocommit(False)
            with holder.cursor() as cursor:
                cursor.execute(
                    "SELECT id, body FROM bus.delivery WHERE consumer = %s"
                    " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                    [service, limit],
                )
                rows = cursor.fetchall()
            yield [bytes(body) for _, body in rows]
            if rows:
                with holder.cursor() as cursor:
                    cursor.execute("DELETE FROM bus.delivery WHERE id = ANY(%s)", [[row[0] for row in rows]])
            holder.commit()
            holder.set_autocommit(True)
        except BaseException:
            # Closing gives the batch back, whatever state the transaction is in.
            self.close()
            raise

    def close(self) -> None:
        """Drop the claiming connections; their locks go with them."""
        for holder in self._holders.values():
            holder.close()
        self._holders.clear()

    def _holder(self, service: str) -> Any:
        if service not in self._holders:
            self._holders[service] = connections[service].copy()
        return self._holders[service]
