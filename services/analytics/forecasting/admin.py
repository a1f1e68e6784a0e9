"""Forecasts with their points and what came of them."""

from django.contrib import admin

from services.analytics.forecasting.models import Forecast, ForecastPoint, ForecastScore
from shared.admin.records import RecordAdmin, Table
from shared.eventstore.admin import work_tables

_OF_FORECAST = {"forecast_id": "analytics_forecasting_forecast"}
_POINT = ("horizon", "target_session", "point", "q025", "q100", "q500", "q900", "q975", "random_walk")
_SCORE = (
    "data_version",
    "scored_count",
    "mae_rw_ratio",
    "pinball_rw_ratio",
    "coverage80_ratio",
    "coverage95_ratio",
)


@admin.register(Forecast)
class ForecastAdmin(RecordAdmin):
    """Shows each forecast with its points and scores."""

    list_display = (
        "symbol",
        "kind",
        "state",
        "data_version",
        "origin_session",
        "model_version",
        "created_at",
        "id",
    )
    list_filter = ("state", "kind", "model_version")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "A forecast's id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "kind")
    links = {"symbol": "ingest_market_instrument"}
    lists = {
        "Reports": "reports_documents_report?forecast_id",
        "Reports that look back on it": "reports_documents_report?backfill_id",
    }
    tables = (
        Table(
            title="Scores",
            model=ForecastScore,
            of=lambda row: {"forecast_id": row.pk},
            order_by=("-data_version",),
            columns=_SCORE,
        ),
        Table(
            title="Points",
            model=ForecastPoint,
            of=lambda row: {"forecast_id": row.pk},
            order_by=("horizon",),
            columns=_POINT,
        ),
        *work_tables("analytics", "forecast"),
    )


@admin.register(ForecastPoint)
class ForecastPointAdmin(RecordAdmin):
    """Lists the sessions of all forecasts."""

    list_display = ("forecast_id", *_POINT)
    search_fields = ("forecast_id",)
    search_help_text = "A forecast's id"
    ordering = ("forecast_id", "horizon")
    links = _OF_FORECAST


@admin.register(ForecastScore)
class ForecastScoreAdmin(RecordAdmin):
    """Lists what came of all forecasts."""

    list_display = ("forecast_id", *_SCORE)
    search_fields = ("forecast_id",)
    search_help_text = "A forecast's id"
    ordering = ("forecast_id", "-data_version")
    links = _OF_FORECAST
    unlisted = ("actual",)
