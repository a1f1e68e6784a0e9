"""What the lookups app does with events."""

from services.ingest.lookups.domain import question_of
from services.ingest.lookups.models import Lookup
from shared.contracts.market_data import LookupCompleted, LookupFailed, LookupRequested
from shared.eventstore.registry import Recorded, register


def project_requested(recorded: Recorded[LookupRequested]) -> None:
    """Show the lookup as queued."""
    event = recorded.event
    Lookup.objects.using("ingest").create(
        id=event.lookup_id,
        provider=event.provider,
        kind=event.kind,
        subject=event.subject,
        on=event.on,
        question=question_of(provider=event.provider, kind=event.kind, subject=event.subject, on=event.on),
        state="queued",
        created_at=recorded.envelope.occurred_at,
    )


def project_completed(recorded: Recorded[LookupCompleted]) -> None:
    """Show what the lookup brought."""
    event = recorded.event
    Lookup.objects.using("ingest").filter(id=event.lookup_id).update(
        state="succeeded",
        answer_hash=event.answer_hash,
        row_count=event.row_count,
        finished_at=recorded.envelope.occurred_at,
    )


def project_failed(recorded: Recorded[LookupFailed]) -> None:
    """Show why the lookup brought nothing."""
    event = recorded.event
    Lookup.objects.using("ingest").filter(id=event.lookup_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


register(
    "ingest",
    projectors={
        LookupRequested: (project_requested,),
        LookupCompleted: (project_completed,),
        LookupFailed: (project_failed,),
    },
    projections=(Lookup,),
)
