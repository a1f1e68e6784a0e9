"""What the fetches app does with events."""

from services.ingest.fetches.models import Fetch
from shared.contracts.prices import FetchCompleted, FetchFailed, FetchRequested
from shared.eventstore.registry import Recorded, register


def project_requested(recorded: Recorded[FetchRequested]) -> None:
    """Show the fetch as queued."""
    event = recorded.event
    Fetch.objects.using("ingest").create(
        id=event.fetch_id,
        symbol=event.symbol,
        provider=event.provider,
        start=event.start,
        end=event.end,
        with_actions=event.with_actions,
        requested_because=event.reason,
        state="queued",
        created_at=recorded.envelope.occurred_at,
    )


def project_completed(recorded: Recorded[FetchCompleted]) -> None:
    """Show what the fetch brought."""
    event = recorded.event
    Fetch.objects.using("ingest").filter(id=event.fetch_id).update(
        state=event.state,
        version=event.version,
        changed=event.changed,
        first_session=event.first_session,
        last_session=event.last_session,
        bar_count=event.bar_count,
        missing_before=event.missing_before,
        missing_after=event.missing_after,
        inner_gaps=[gap.isoformat() for gap in event.inner_gaps],
        reason=event.reason,
        sources=list(event.sources),
        rejected_count=event.rejected_count,
        rejected=list(event.rejected),
        provisional_session=event.provisional_session,
        kept_count=event.kept_count,
        compared_count=event.compared_count,
        disagreeing_count=event.disagreeing_count,
        disagreements=list(event.disagreements),
        quarantine_id=event.quarantine_id,
        quarantined_count=event.quarantined_count,
        finished_at=recorded.envelope.occurred_at,
    )


def project_failed(recorded: Recorded[FetchFailed]) -> None:
    """Show why the fetch brought nothing."""
    event = recorded.event
    Fetch.objects.using("ingest").filter(id=event.fetch_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


register(
    "ingest",
    projectors={
        FetchRequested: (project_requested,),
        FetchCompleted: (project_completed,),
        FetchFailed: (project_failed,),
    },
    projections=(Fetch,),
)
