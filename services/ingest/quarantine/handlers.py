"""What the quarantine app does with events."""

from services.ingest.quarantine.models import Quarantine
from shared.contracts.market_data import (
    ChangeOutdated,
    ChangeQuarantined,
    QuarantineAccepted,
    QuarantineDismissed,
)
from shared.eventstore.registry import Recorded, register


def project_quarantined(recorded: Recorded[ChangeQuarantined]) -> None:
    """Show the change as open."""
    event = recorded.event
    Quarantine.objects.using("ingest").create(
        id=event.quarantine_id,
        symbol=event.symbol,
        provider=event.provider,
        attribution=event.attribution,
        fetch_id=event.fetch_id,
        kind=event.kind,
        detail=event.detail,
        content_hash=event.content_hash,
        row_count=event.row_count,
        first_session=event.first_session,
        last_session=event.last_session,
        state="open",
        created_at=recorded.envelope.occurred_at,
    )


def project_accepted(recorded: Recorded[QuarantineAccepted]) -> None:
    """Show who let the change through, and as which version."""
    _decide(recorded, state="accepted", version=recorded.event.version)


def project_dismissed(recorded: Recorded[QuarantineDismissed]) -> None:
    """Show who dropped the change."""
    _decide(recorded, state="dismissed", version=None)


def project_outdated(recorded: Recorded[ChangeOutdated]) -> None:
    """Show the change as one that nobody has to decide any more."""
    Quarantine.objects.using("ingest").filter(id=recorded.event.quarantine_id).update(
        state="outdated", decided_at=recorded.envelope.occurred_at
    )


def _decide(
    recorded: Recorded[QuarantineAccepted] | Recorded[QuarantineDismissed], *, state: str, version: int | None
) -> None:
    Quarantine.objects.using("ingest").filter(id=recorded.event.quarantine_id).update(
        state=state,
        version=version,
        decided_by=recorded.event.decided_by,
        decided_at=recorded.envelope.occurred_at,
    )


register(
    "ingest",
    projectors={
        ChangeOutdated: (project_outdated,),
        ChangeQuarantined: (project_quarantined,),
        QuarantineAccepted: (project_accepted,),
        QuarantineDismissed: (project_dismissed,),
    },
    projections=(Quarantine,),
)
