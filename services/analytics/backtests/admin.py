"""Runs with their numbers, trades and equity."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin

from services.analytics.backtests.models import Run, RunEquity, RunTrade
from shared.admin.records import RecordAdmin, ShownTable, Table
from shared.eventstore.admin import work_tables
from shared.http.tables import Cell, sections_of

_OF_RUN = {"run_id": "analytics_backtests_run"}
_TRADE = (
    "number",
    "entry_session",
    "entry_price",
    "shares",
    "exit_session",
    "exit_price",
    "dividends",
    "pnl",
    "return_ratio",
)


@admin.display(description="from")
def first_date(row: RunEquity) -> Any:
    """Return the date of the first value."""
    return row.dates[0]


@admin.display(description="to")
def last_date(row: RunEquity) -> Any:
    """Return the date of the last value."""
    return row.dates[-1]


@admin.display(description="equity: first · lowest · highest · last")
def equity(row: RunEquity) -> str:
    """Return the course of the equity in four values."""
    return _course(row.equity)


@admin.display(description="buy and hold: first · lowest · highest · last")
def buy_and_hold(row: RunEquity) -> str:
    """Return the course of the benchmark in four values."""
    return _course(row.benchmark_equity)


@admin.display(description="index: first · lowest · highest · last")
def index(row: RunEquity) -> str:
    """Return the course of the index in four values, nothing where there is none."""
    return _course(row.index_equity) if row.index_equity else ""


@admin.register(Run)
class RunAdmin(RecordAdmin):
    """Shows each backtest with what it found."""

    list_display = (
        "symbol",
        "strategy",
        "state",
        "standing",
        "data_version",
        "trade_count",
        "created_at",
        "id",
    )
    list_filter = ("state", "standing", "strategy", "basis")
    date_hierarchy = "created_at"
    search_fields = ("id", "symbol")
    search_help_text = "A run's id, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "strategy")
    links = {"symbol": "ingest_market_instrument"}
    lists = {"Reports": "reports_documents_report?run_id", "Trades": "analytics_backtests_runtrade?run_id"}
    elsewhere = ("metrics", "benchmark_metrics", "index_metrics")
    tables = (
        Table(
            title="Equity",
            model=RunEquity,
            of=lambda row: {"run_id": row.pk},
            columns=("run_id", first_date, last_date, equity, buy_and_hold, index),
            links={"run_id": "analytics_backtests_runequity"},
        ),
        Table(
            title="Trades",
            model=RunTrade,
            of=lambda row: {"run_id": row.pk},
            order_by=("number",),
            columns=_TRADE,
        ),
        *work_tables("analytics", "backtest"),
    )

    def get_tables(self, row: Run) -> Iterator[ShownTable]:
        """Give the numbers before all else."""
        found = {name: value for name in self.elsewhere if (value := getattr(row, name))}
        for section in sections_of(found):
            headers, *rows = [[_whole(cell) for cell in cells] for cells in (section.columns, *section.rows)]
            yield ShownTable(title=section.heading, headers=headers, rows=rows)
        yield from super().get_tables(row)


@admin.register(RunTrade)
class RunTradeAdmin(RecordAdmin):
    """Lists the closed trades of all runs."""

    list_display = ("run_id", *_TRADE)
    search_fields = ("run_id",)
    search_help_text = "A run's id"
    ordering = ("run_id", "number")
    links = _OF_RUN


@admin.register(RunEquity)
class RunEquityAdmin(RecordAdmin):
    """Shows the curves of each run."""

    list_display = ("run_id",)
    search_fields = ("run_id",)
    search_help_text = "A run's id"
    ordering = ("run_id",)
    heading = ("run_id",)
    links = _OF_RUN
    unlisted = ("dates", "equity", "benchmark_equity", "index_equity")


def _whole(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _course(values: list[float]) -> str:
    return " · ".join(f"{value:,.2f}" for value in (values[0], min(values), max(values), values[-1]))
