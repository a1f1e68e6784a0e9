"""Addresses of walks forward."""

from services.analytics.walk_forwards.api import (
    CancelWalkForward,
    ListWalkForwardEquity,
    ListWalkForwards,
    RequestWalkForward,
    ShowWalkForward,
)
from shared.http.operations import route

_ONE = "api/v1/walk-forwards/<uuid:walk_forward_id>/"

urlpatterns = [
    *route("api/v1/walk-forwards/", "walk-forwards", get=ListWalkForwards, post=RequestWalkForward),
    *route(_ONE, "walk-forward", get=ShowWalkForward, delete=CancelWalkForward),
    *route(f"{_ONE}equity/", "walk-forward-equity", get=ListWalkForwardEquity),
]
