"""Each service's record: events, what was sent and received, what was set aside, and the jobs."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from shared.admin.lists import choice_filter
from shared.admin.per_service import model_in, services_here
from shared.admin.records import RecordAdmin, Table
from shared.contracts.registry import event_types
from shared.errors import BellwetherError
from shared.eventstore.inbox import receive
from shared.eventstore.models import Attempt, Event, Inbox, Job, Outbox, Parked, StreamPosition
from shared.eventstore.parked import retry_parked

INBOX_STATES = ("handled", "ignored", "waiting")
JOB_STATES = ("queued", "running", "waiting_quota", "succeeded", "partial", "failed", "cancelled", "refused")
_RECEIVED = {"event_id": "{row.source}_event?event_id"}


def work_tables(service: str, category: str) -> tuple[Table, ...]:
    """Return the tables of a row's events and jobs, for pages of rows that have a stream."""
    event = model_in(service, Event)

    def stream(row: Any) -> dict[str, Any]:
        return {"stream": f"{category}-{row.pk}"}

    def jobs(row: Any) -> dict[str, Any]:
        # A job has the id of the event that asked for it; a fetch and its job have one id.
        asked = [
            str(found) for found in event.objects.filter(**stream(row)).values_list("event_id", flat=True)
        ]
        return {"id__in": [str(row.pk), *asked] if category == "fetch" else asked}

    return (
        _events(service, "Its events", stream),
        Table(
            title="Its jobs",
            model=model_in(service, Job),
            of=jobs,
            order_by=("-created_at",),
            columns=("id", "kind", "state", "attempts", "created_at", "finished_at"),
            links={"id": f"{service}_job"},
        ),
    )


def _events(service: str, title: str, of: Any) -> Table:
    return Table(
        title=title,
        model=model_in(service, Event),
        of=of,
        order_by=("position",),
        columns=("position", "type", "stream", "version", "occurred_at", "correlation_id"),
        links={"position": f"{service}_event", "correlation_id": f"{service}_event?correlation_id"},
    )


def _same_correlation(row: Any) -> dict[str, Any]:
    return {"correlation_id": row.correlation_id}


def _position_and_attempts(service: str) -> tuple[Table, ...]:
    return (
        Table(
            title="How far its stream was applied",
            model=model_in(service, StreamPosition),
            of=lambda row: {"source": row.source, "stream": row.stream},
            columns=("source", "stream", "version"),
        ),
        Table(
            title="How often it was begun",
            model=model_in(service, Attempt),
            of=lambda row: {"event_id": row.event_id},
            columns=("attempts", "last_at"),
        ),
    )


def register_events(service: str) -> None:
    """Show the events of one service, and how they leave it."""
    links = {
        "event_id": f"{service}_event?event_id",
        "correlation_id": f"{service}_event?correlation_id",
        "stream": f"{service}_event?stream",
    }
    types = sorted(found.type for found in event_types() if found.source == service)
    chain = tuple(_events(name, f"Same correlation in {name}", _same_correlation) for name in services_here())

    @admin.register(model_in(service, Event))
    class EventAdmin(RecordAdmin):
        list_display = ("position", "type", "stream", "version", "occurred_at", "correlation_id")
        list_filter = (choice_filter("type", types),)
        search_fields = ("event_id", "correlation_id", "=stream")
        search_help_text = "An event's id, a correlation id, or a whole stream such as instrument-AAPL"
        ordering = ("-position",)
        links = {name: links[name] for name in ("correlation_id", "stream")}
        heading = ("type", "stream")
        unlisted = ("data",)
        tables = chain

    @admin.register(model_in(service, Outbox))
    class OutboxAdmin(RecordAdmin):
        list_display = ("position", "routing_key", "stream", "created_at", "sent_at", "event_id")
        list_filter = (("sent_at", admin.EmptyFieldListFilter),)
        search_fields = ("event_id",)
        search_help_text = "An event's id"
        ordering = ("-position",)
        links = {name: links[name] for name in ("event_id", "stream")}
        heading = ("routing_key", "stream")
        unlisted = ("body",)


def register_work(service: str) -> None:
    """Show what one service received and works on."""

    @admin.register(model_in(service, Inbox))
    class InboxAdmin(RecordAdmin):
        list_display = ("position", "type", "source", "stream", "version", "state", "received_at", "event_id")
        list_filter = (choice_filter("state", INBOX_STATES),)
        search_fields = ("event_id",)
        search_help_text = "An event's id"
        ordering = ("-position",)
        links = _RECEIVED
        heading = ("type", "stream")
        unlisted = ("body",)
        tables = _position_and_attempts(service)

    @admin.register(model_in(service, Job))
    class JobAdmin(RecordAdmin):
        list_display = ("kind", "key", "state", "attempts", "created_at", "finished_at", "correlation_id")
        list_filter = (choice_filter("state", JOB_STATES),)
        search_fields = ("id", "key")
        search_help_text = "A job's id, or how a key begins"
        ordering = ("-created_at",)
        links = {"correlation_id": f"{service}_event?correlation_id"}
        heading = ("kind", "key")
        unlisted = ("payload",)
        tables = (_events(service, "Same correlation", _same_correlation),)

    @admin.register(model_in(service, Attempt))
    class AttemptAdmin(RecordAdmin):
        list_display = ("event_id", "attempts", "last_at")
        search_fields = ("event_id",)
        search_help_text = "An event's id"
        heading = ("event_id",)

    @admin.register(model_in(service, StreamPosition))
    class StreamPositionAdmin(RecordAdmin):
        list_display = ("source", "stream", "version")
        search_fields = ("stream",)
        search_help_text = "How a stream begins, such as instrument-AAPL"
        ordering = ("source", "stream")
        links = {"stream": "{row.source}_event?stream"}


def register_parked(service: str) -> None:
    """Show what one service set aside, and let it be tried again."""

    @admin.register(model_in(service, Parked))
    class ParkedAdmin(RecordAdmin):
        list_display = ("id", "slug", "error", "source", "stream", "version", "parked_at", "resolution")
        list_filter = (("resolution", admin.EmptyFieldListFilter), "parked_at")
        search_fields = ("event_id",)
        search_help_text = "An event's id"
        ordering = ("-id",)
        links = _RECEIVED
        heading = ("slug", "stream")
        unlisted = ("body",)
        actions = ("retry",)
        tables = _position_and_attempts(service)

        @admin.display(description="error")
        def error(self, row: Any) -> str:
            return str(row.detail)[:80]

        @admin.action(description="Retry", permissions=["view"])
        def retry(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
            for row in rows:
                try:
                    retry_parked(service, row.pk, receive=_receive_at_once)
                except BellwetherError as error:
                    self.message_user(request, error.detail, messages.ERROR)
                else:
                    self.log_change(request, row, "Retried.")
                    self.message_user(request, f"Parked message {row.pk} was handed in again.")


def _receive_at_once(service: str, bodies: list[bytes]) -> None:
    receive(service, bodies, pause=_no_pause)


def _no_pause(seconds: float) -> None:
    """Somebody waits for the answer, so a handler that fails again does so at once."""


for name in services_here():
    register_events(name)
    register_work(name)
    register_parked(name)
