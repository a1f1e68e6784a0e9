"""Sweeps with what they found, and their chunks."""

from django.contrib import admin

from services.analytics.sweeps.models import Sweep, SweepChunk
from shared.admin.records import RecordAdmin, Table
from shared.eventstore.admin import work_tables

_CHUNK = ("number", "cell_count", "surface_hash")


@admin.register(Sweep)
class SweepAdmin(RecordAdmin):
    """Shows each sweep with how far it is."""

    list_display = ("symbol", "strategy", "state", "cell_count", "cells_done", "created_at", "id")
    list_filter = ("state", "strategy", "basis")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "A sweep's id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "strategy")
    links = {"symbol": "ingest_market_instrument"}
    tables = (
        Table(
            title="Chunks",
            model=SweepChunk,
            of=lambda row: {"sweep_id": row.pk},
            order_by=("number",),
            columns=_CHUNK,
        ),
        *work_tables("analytics", "sweep"),
    )


@admin.register(SweepChunk)
class SweepChunkAdmin(RecordAdmin):
    """Lists the chunks of all sweeps."""

    list_display = ("sweep_id", *_CHUNK)
    search_fields = ("sweep_id",)
    search_help_text = "A sweep's id"
    ordering = ("sweep_id", "number")
    links = {"sweep_id": "analytics_sweeps_sweep"}
    unlisted = ("surface",)
    elsewhere = ("surface",)
