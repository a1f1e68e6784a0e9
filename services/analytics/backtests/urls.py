"""Addresses of backtests."""

from django.urls import path

from services.analytics.backtests.api import (
    CancelBacktest,
    ListBacktests,
    RequestBacktest,
    ShowBacktest,
)
from services.analytics.backtests.compat import BacktestSymbol, ChartBacktest
from services.analytics.backtests.pages import page_urlpatterns
from shared.http.operations import route

older, older_slashless = route("api/v1/backtest/", "older-charts", post=ChartBacktest)

urlpatterns = [
    *route("api/v1/backtests/", "backtests", get=ListBacktests, post=RequestBacktest),
    *route("api/v1/backtests/<uuid:run_id>/", "backtest", get=ShowBacktest, delete=CancelBacktest),
    *route("backtest/<str:symbol>/<str:initial_investment>/", "older-backtest", get=BacktestSymbol),
    older,
    older_slashless,
    # The same without a version, not described a second time.
    *(path(f"api/backtest{end}", older_slashless.callback) for end in ("/", "")),
    *page_urlpatterns,
]
