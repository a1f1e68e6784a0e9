"""Watch lists."""

from django.contrib import admin

from services.ingest.watchlists.models import WatchList
from shared.admin.records import RecordAdmin
from shared.eventstore.admin import work_tables


@admin.register(WatchList)
class WatchListAdmin(RecordAdmin):
    """Shows each list of symbols that are kept fresh."""

    list_display = ("name", "provider", "active", "symbols", "saved_at")
    list_filter = ("active", "provider")
    search_fields = ("name",)
    search_help_text = "How a name begins"
    ordering = ("name",)
    heading = ("name",)
    tables = work_tables("ingest", "watchlist")
