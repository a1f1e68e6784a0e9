"""Addresses of comparisons."""

from services.analytics.comparisons.api import CompareBacktests, RerunBacktest, ShowDifference
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/backtests/compare/", "backtests-compare", get=CompareBacktests),
    *route("api/v1/backtests/<uuid:run_id>/rerun/", "backtest-rerun", post=RerunBacktest),
    *route(
        "api/v1/backtests/<uuid:run_id>/difference/<uuid:before_id>/",
        "backtest-difference",
        get=ShowDifference,
    ),
]
