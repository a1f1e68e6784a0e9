"""Addresses of backtests."""

from services.analytics.backtests.api import (
    ListBacktests,
    ListEquity,
    ListTrades,
    RequestBacktest,
    ShowBacktest,
)
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/backtests/", "backtests", get=ListBacktests, post=RequestBacktest),
    *route("api/v1/backtests/<uuid:run_id>/", "backtest", get=ShowBacktest),
    *route("api/v1/backtests/<uuid:run_id>/trades/", "backtest-trades", get=ListTrades),
    *route("api/v1/backtests/<uuid:run_id>/equity/", "backtest-equity", get=ListEquity),
]
