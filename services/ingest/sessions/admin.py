"""The exchange's calendar."""

from typing import Any

from django.contrib import admin
from django.utils import timezone

from services.ingest.sessions.models import Calendar, Session
from shared.admin.records import RecordAdmin, Table


def _to_come(row: Any) -> dict[str, Any]:
    return {"calendar": row.calendar, "close_at__gt": timezone.now()}


@admin.register(Calendar)
class CalendarAdmin(RecordAdmin):
    """Shows a calendar with its next sessions."""

    list_display = ("calendar", "version")
    search_fields = ("calendar",)
    heading = ("calendar",)
    tables = (
        Table(
            title="Next sessions",
            model=Session,
            of=_to_come,
            order_by=("session",),
            columns=("session", "open_at", "close_at"),
            limit=30,
        ),
    )


@admin.register(Session)
class SessionAdmin(RecordAdmin):
    """Lists every trading day."""

    list_display = ("session", "calendar", "open_at", "close_at")
    date_hierarchy = "session"
    search_fields = ("=calendar",)
    search_help_text = "A calendar, whole"
    ordering = ("-session",)
    links = {"calendar": "ingest_sessions_calendar"}
