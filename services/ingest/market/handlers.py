"""What the market app does with events."""

from services.ingest.market.models import Instrument, InstrumentVersion
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


def project_version(recorded: Recorded[PricesUpdated]) -> None:
    """Keep who told this version, whatever later versions are told by others."""
    event = recorded.event
    InstrumentVersion.objects.using("ingest").create(
        symbol=event.symbol,
        version=event.version,
        provider=event.provider,
        attribution=event.attribution,
        notes=list(event.notes),
    )


register(
    "ingest",
    projectors={PricesUpdated: (project_instrument, project_version)},
    projections=(Instrument, InstrumentVersion),
)
