"""Addresses of what a finished run holds."""

from services.analytics.results.api import ExplainMetric, ListEquity, ListTrades
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/backtests/<uuid:run_id>/trades/", "backtest-trades", get=ListTrades),
    *route("api/v1/backtests/<uuid:run_id>/equity/", "backtest-equity", get=ListEquity),
    *route(
        "api/v1/backtests/<uuid:run_id>/metrics/<str:metric>/explain/",
        "backtest-metric-explanation",
        get=ExplainMetric,
    ),
]
