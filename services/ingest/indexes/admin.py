"""Who belonged to an index when, and which tickers were renamed."""

from django.contrib import admin

from services.ingest.indexes.models import IndexMembership, TickerRename
from shared.admin.records import RecordAdmin

_LINKS = dict.fromkeys(("symbol", "old", "new"), "ingest_market_instrument")


@admin.register(IndexMembership)
class IndexMembershipAdmin(RecordAdmin):
    """Lists every stay in an index."""

    list_display = ("index", "symbol", "start_date", "end_date")
    list_filter = ("index", ("end_date", admin.EmptyFieldListFilter))
    search_fields = ("=symbol",)
    search_help_text = "A symbol, whole"
    ordering = ("index", "symbol", "start_date")
    links = _LINKS


@admin.register(TickerRename)
class TickerRenameAdmin(RecordAdmin):
    """Lists tickers that trade under another symbol now."""

    list_display = ("old", "new", "on_date", "company", "source")
    search_fields = ("=old", "=new")
    search_help_text = "A symbol, whole"
    ordering = ("-on_date", "old")
    links = _LINKS
