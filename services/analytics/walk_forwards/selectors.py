"""Reads of walks forward."""

from uuid import UUID

from django.db.models import F, QuerySet

from services.analytics.walk_forwards.models import WalkForward, WalkForwardEquity
from shared.errors import BellwetherError, NotFound

__all__ = [
    "WalkForward",
    "WalkForwardNotFinished",
    "equity_of",
    "finished_walk_forward",
    "walk_forward_by_id",
    "walk_forwards",
]


class WalkForwardNotFinished(BellwetherError):
    """Raised when the equity of a walk forward is asked for that is not complete."""

    status, slug, title = 409, "walk-forward-not-finished", "The walk forward has no result"


def walk_forward_by_id(walk_forward_id: UUID) -> WalkForward:
    """Return one walk. Raises NotFound."""
    walk = walk_forwards().filter(id=walk_forward_id).first()
    if walk is None:
        raise NotFound(f"There is no walk forward {walk_forward_id}.")
    return walk


def finished_walk_forward(walk_forward_id: UUID) -> WalkForward:
    """Return one walk that succeeded. Raises NotFound and WalkForwardNotFinished."""
    walk = walk_forward_by_id(walk_forward_id)
    if walk.state != "succeeded":
        raise WalkForwardNotFinished(f"Walk forward {walk_forward_id} is {walk.state}.", state=walk.state)
    return walk


def walk_forwards() -> QuerySet[WalkForward]:
    """Return walks, newest first; `live_state` is that of the row, which progress keeps up to date."""
    newest = WalkForward.objects.using("analytics").order_by("-created_at", "-id")
    return newest.annotate(live_state=F("state"))


def equity_of(walk_forward_id: UUID) -> WalkForwardEquity:
    """Return the curves of a walk that succeeded."""
    return WalkForwardEquity.objects.using("analytics").get(walk_forward_id=walk_forward_id)
