"""What the quota app does with events."""

from services.ingest.quota.models import ProviderCapability, ProviderState
from shared.contracts.market_data import CapabilityLearnt, ProviderClosed, ProviderOpened
from shared.eventstore.registry import Recorded, register


def project_capability(recorded: Recorded[CapabilityLearnt]) -> None:
    """Keep what the key may do."""
    event = recorded.event
    ProviderCapability.objects.using("ingest").update_or_create(
        provider=event.provider,
        key_fingerprint=event.key_fingerprint,
        capability=event.capability,
        defaults={"is_allowed": event.allowed, "learnt_at": recorded.envelope.occurred_at},
    )


def project_closed(recorded: Recorded[ProviderClosed]) -> None:
    """Keep why the provider takes no calls of the key, and until when."""
    event = recorded.event
    ProviderState.objects.using("ingest").update_or_create(
        provider=event.provider,
        key_fingerprint=event.key_fingerprint,
        defaults={
            "is_closed": True,
            "verdict": event.verdict,
            "detail": event.detail,
            "since": recorded.envelope.occurred_at,
            "until": event.until,
        },
    )


def project_opened(recorded: Recorded[ProviderOpened]) -> None:
    """Keep that the provider takes calls of the key again."""
    event = recorded.event
    ProviderState.objects.using("ingest").filter(
        provider=event.provider, key_fingerprint=event.key_fingerprint
    ).update(is_closed=False, verdict="", detail="", since=recorded.envelope.occurred_at, until=None)


register(
    "ingest",
    projectors={
        CapabilityLearnt: (project_capability,),
        ProviderClosed: (project_closed,),
        ProviderOpened: (project_opened,),
    },
    projections=(ProviderState, ProviderCapability),
)
