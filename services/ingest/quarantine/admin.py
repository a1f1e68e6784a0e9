"""Held changes with their rows."""

from django.contrib import admin

from services.ingest.quarantine.models import Quarantine, QuarantinedAction, QuarantinedBar
from shared.admin.records import RecordAdmin, Table
from shared.eventstore.admin import work_tables

_BAR = ("session", "held_version", "open", "high", "low", "close", "volume")
_ACTION = ("ex_date", "kind", "held_version", "value")


@admin.register(Quarantine)
class QuarantineAdmin(RecordAdmin):
    """Shows what was held back, why, and what was decided."""

    list_display = (
        "symbol",
        "provider",
        "kind",
        "row_count",
        "state",
        "decided_by",
        "created_at",
    )
    list_filter = ("state", "kind", "provider")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "An id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "provider")
    links = {"symbol": "ingest_market_instrument", "fetch_id": "ingest_fetches_fetch"}
    tables = (
        Table(
            title="Bars as they were told",
            model=QuarantinedBar,
            of=lambda row: {"quarantine_id": row.id},
            order_by=("-session",),
            columns=_BAR,
            limit=30,
        ),
        Table(
            title="Splits and dividends as they were told",
            model=QuarantinedAction,
            of=lambda row: {"quarantine_id": row.id},
            order_by=("-ex_date", "kind"),
            columns=_ACTION,
            limit=30,
        ),
        *work_tables("ingest", "quarantine"),
    )


@admin.register(QuarantinedBar)
class QuarantinedBarAdmin(RecordAdmin):
    """Lists held bars as they were told."""

    list_display = ("quarantine_id", *_BAR)
    search_fields = ("quarantine_id",)
    search_help_text = "A quarantine's id"
    ordering = ("quarantine_id", "session")
    links = {"quarantine_id": "ingest_quarantine_quarantine"}


@admin.register(QuarantinedAction)
class QuarantinedActionAdmin(RecordAdmin):
    """Lists held splits and dividends as they were told."""

    list_display = ("quarantine_id", *_ACTION)
    search_fields = ("quarantine_id",)
    search_help_text = "A quarantine's id"
    ordering = ("quarantine_id", "ex_date", "kind")
    links = {"quarantine_id": "ingest_quarantine_quarantine"}
