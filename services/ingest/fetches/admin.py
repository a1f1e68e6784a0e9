"""Fetches with what came of them."""

from django.contrib import admin

from services.ingest.fetches.models import Answer, Fetch
from shared.admin.records import RecordAdmin
from shared.eventstore.admin import work_tables


@admin.register(Fetch)
class FetchAdmin(RecordAdmin):
    """Shows each question to a provider and its outcome."""

    list_display = (
        "symbol",
        "provider",
        "state",
        "version",
        "changed",
        "bar_count",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "provider", "changed")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "A fetch's id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "provider")
    links = {"symbol": "ingest_market_instrument"}
    tables = work_tables("ingest", "fetch")


@admin.register(Answer)
class AnswerAdmin(RecordAdmin):
    """Shows which answers a fetch or lookup that is under way has already, and not what they say."""

    list_display = ("asked_by", "provider", "call", "received_at")
    list_filter = ("provider", "call")
    search_fields = ("asked_by",)
    search_help_text = "The id of a fetch or lookup"
    ordering = ("-received_at",)
    heading = ("provider", "call")
    elsewhere = ("body",)
