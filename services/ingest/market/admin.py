"""Instruments with the facts that their versions brought."""

from django.contrib import admin

from services.ingest.market.models import Action, Bar, Instrument, InstrumentVersion
from shared.admin.records import RecordAdmin, Table
from shared.eventstore.admin import work_tables

_LINKS = {"symbol": "ingest_market_instrument", "fetch_id": "ingest_fetches_fetch"}
_BAR = ("session", "version", "superseded_version", "open", "high", "low", "close", "volume", "provider")
_ACTION = ("ex_date", "kind", "value", "version", "superseded_version", "provider")
_VERSION = (
    *("version", "recorded_at", "provider", "added_count", "corrected_count", "actions_changed_count"),
    *("fetch_id", "attribution", "notes"),
)


@admin.register(Instrument)
class InstrumentAdmin(RecordAdmin):
    """Shows what a symbol names, with its newest rows."""

    list_display = (
        "symbol",
        "version",
        "first_session",
        "last_session",
        "bar_count",
        "provider",
        "updated_at",
    )
    list_filter = ("provider",)
    date_hierarchy = "updated_at"
    search_fields = ("symbol",)
    search_help_text = "How a symbol begins"
    ordering = ("symbol",)
    heading = ("symbol",)
    lists = {
        "Fetches": "ingest_fetches_fetch?symbol",
        "Bars": "ingest_market_bar?symbol",
        "Splits and dividends": "ingest_market_action?symbol",
        "Runs": "analytics_backtests_run?symbol",
        "Forecasts": "analytics_forecasting_forecast?symbol",
        "Reports": "reports_documents_report?symbol",
    }
    tables = (
        Table(
            title="Versions",
            model=InstrumentVersion,
            of=lambda row: {"symbol": row.symbol},
            order_by=("-version",),
            columns=_VERSION,
            links=_LINKS,
            limit=20,
        ),
        Table(
            title="Newest bars",
            model=Bar,
            of=lambda row: {"symbol": row.symbol},
            order_by=("-session", "-version"),
            columns=(*_BAR, "fetch_id"),
            links=_LINKS,
            limit=30,
        ),
        Table(
            title="Newest splits and dividends",
            model=Action,
            of=lambda row: {"symbol": row.symbol},
            order_by=("-ex_date", "-version"),
            columns=(*_ACTION, "fetch_id"),
            links=_LINKS,
            limit=30,
        ),
        *work_tables("ingest", "instrument"),
    )


@admin.register(Bar)
class BarAdmin(RecordAdmin):
    """Lists prices as traded, in every version."""

    list_display = ("symbol", *_BAR)
    list_filter = (("superseded_version", admin.EmptyFieldListFilter),)
    search_fields = ("=symbol",)
    search_help_text = "A symbol, whole"
    ordering = ("-symbol", "-session", "-version")
    links = _LINKS


@admin.register(Action)
class ActionAdmin(RecordAdmin):
    """Lists splits and dividends, in every version."""

    list_display = ("symbol", *_ACTION)
    list_filter = ("kind",)
    search_fields = ("=symbol",)
    search_help_text = "A symbol, whole"
    ordering = ("-ex_date", "symbol", "kind")
    links = _LINKS


@admin.register(InstrumentVersion)
class InstrumentVersionAdmin(RecordAdmin):
    """Lists who told each version of an instrument."""

    list_display = ("symbol", *_VERSION)
    search_fields = ("=symbol",)
    search_help_text = "A symbol, whole"
    ordering = ("symbol", "-version")
    links = _LINKS
