"""What the market app does with events."""

from collections.abc import Sequence

from services.ingest.market.models import Instrument, InstrumentVersion
from shared.contracts.prices import PricesUpdated
from shared.eventstore.registry import Recorded, SetBased, register

_OF_LAST_VERSION = (
    *("version", "first_session", "last_session", "bar_count"),
    *("provider", "attribution", "notes", "updated_at"),
)


def project_instruments(updates: Sequence[Recorded[PricesUpdated]]) -> None:
    """Keep what is known of the instruments as of their last version."""
    rows = [
        Instrument(
            symbol=recorded.event.symbol,
            version=recorded.event.version,
            first_session=recorded.event.first_session,
            last_session=recorded.event.last_session,
            bar_count=recorded.event.bar_count,
            provider=recorded.event.provider,
            attribution=recorded.event.attribution,
            notes=list(recorded.event.notes),
            updated_at=recorded.envelope.occurred_at,
        )
        for recorded in updates
    ]
    Instrument.objects.using("ingest").bulk_create(
        rows, update_conflicts=True, unique_fields=["symbol"], update_fields=_OF_LAST_VERSION
    )


def project_versions(updates: Sequence[Recorded[PricesUpdated]]) -> None:
    """Keep who told each version, when, and what it changed, whatever later versions are told by others."""
    InstrumentVersion.objects.using("ingest").bulk_create(
        InstrumentVersion(
            symbol=recorded.event.symbol,
            version=recorded.event.version,
            provider=recorded.event.provider,
            attribution=recorded.event.attribution,
            notes=list(recorded.event.notes),
            fetch_id=recorded.event.fetch_id,
            added_count=recorded.event.added_count,
            corrected_count=recorded.event.corrected_count,
            actions_changed_count=recorded.event.actions_changed_count,
            recorded_at=recorded.envelope.occurred_at,
        )
        for recorded in updates
    )


register(
    "ingest",
    projectors={PricesUpdated: (SetBased(project_instruments), SetBased(project_versions))},
    projections=(Instrument, InstrumentVersion),
)
