"""Walks forward with what they came to, and their equity curves."""

from django.contrib import admin

from services.analytics.walk_forwards.models import WalkForward, WalkForwardEquity
from shared.admin.records import RecordAdmin
from shared.eventstore.admin import work_tables


@admin.register(WalkForward)
class WalkForwardAdmin(RecordAdmin):
    """Shows each walk with how far it is."""

    list_display = (
        *("symbol", "strategy", "anchoring", "folds", "state", "cell_count", "cells_done", "efficiency"),
        *("created_at", "id"),
    )
    list_filter = ("state", "strategy", "anchoring")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "A walk's id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "strategy")
    links = {"symbol": "ingest_market_instrument"}
    tables = work_tables("analytics", "walk_forward")


@admin.register(WalkForwardEquity)
class WalkForwardEquityAdmin(RecordAdmin):
    """Shows the curves of each walk."""

    list_display = ("walk_forward_id",)
    search_fields = ("walk_forward_id",)
    search_help_text = "A walk's id"
    ordering = ("walk_forward_id",)
    heading = ("walk_forward_id",)
    links = {"walk_forward_id": "analytics_walk_forwards_walkforward"}
    unlisted = ("dates", "equity", "benchmark_equity")
