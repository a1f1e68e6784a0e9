"""What the market app does with events."""

from services.ingest.market.models import Instrument
from shared.contracts.prices import PricesUpdated
from shared.eventstore.registry import Recorded, register


def project_instrument(recorded: Recorded[PricesUpdated]) -> None:
    """Keep what is known of the instrument as of its last version."""
    event = recorded.event
    Instrument.objects.using("ingest").update_or_create(
        symbol=event.symbol,
        defaults={
            "version": event.version,
            "first_session": event.first_session,
            "last_session": event.last_session,
            "bar_count": event.bar_count,
            "provider": event.provider,
            "attribution": event.attribution,
            "notes": list(event.notes),
            "updated_at": recorded.envelope.occurred_at,
        },
    )


register("ingest", projectors={PricesUpdated: (project_instrument,)}, projections=(Instrument,))
