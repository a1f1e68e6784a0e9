"""What the watch lists app does with events."""

from services.ingest.watchlists.models import WatchList
from shared.contracts.market_data import WatchListDeleted, WatchListSaved
from shared.eventstore.registry import Recorded, register


def project_saved(recorded: Recorded[WatchListSaved]) -> None:
    """Keep the list as it was saved last."""
    event, at = recorded.event, recorded.envelope.occurred_at
    saved = {
        "symbols": list(event.symbols),
        "provider": event.provider,
        "active": event.active,
        "saved_at": at,
    }
    WatchList.objects.using("ingest").update_or_create(
        name=event.name, defaults=saved, create_defaults={**saved, "created_at": at}
    )


def project_deleted(recorded: Recorded[WatchListDeleted]) -> None:
    """Take the list away."""
    WatchList.objects.using("ingest").filter(name=recorded.event.name).delete()


register(
    "ingest",
    projectors={WatchListSaved: (project_saved,), WatchListDeleted: (project_deleted,)},
    projections=(WatchList,),
)
