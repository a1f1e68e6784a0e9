"""From the words of the event commands to services, types, times and events."""

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

import shared.contracts  # noqa: F401 registers every event type
from shared.contracts.registry import event_types
from shared.errors import NotFound, ValidationFailed
from shared.settings.databases import SERVICES

if TYPE_CHECKING:
    from shared.eventstore.redelivery import Which

NAMES_ALL = f"{', '.join(SERVICES[:-1])} or {SERVICES[-1]}"
_AGO = re.compile(r"([0-9]{1,6})(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}


def whose(service: str) -> tuple[str, ...]:
    """Return the named service, all of them for none. Raises ValidationFailed."""
    if not service:
        return SERVICES
    if service not in SERVICES:
        raise ValidationFailed(f"{service[:40]!r} is no service: name {NAMES_ALL}.", field="service")
    return (service,)


def type_named(text: str) -> str:
    """Return the event type, as it is for none. Raises ValidationFailed."""
    known = {kind.type.lower(): kind.type for kind in event_types()}
    if not text or text.lower() in known:
        return known.get(text.lower(), "")
    near = [known[name] for name in get_close_matches(text.lower(), known, n=3)]
    hint = f": perhaps {' or '.join(near)}" if near else "; shared/contracts/EVENTS.md lists them"
    raise ValidationFailed(f"{text[:40]!r} is no event type{hint}.", field="type")


def stream_named(text: str) -> str:
    """Return the name of a stream, as it is for none. Raises ValidationFailed for what no stream can be called."""
    categories = sorted({kind.category for kind in event_types()})
    category, _, key = text.partition("-")
    if text and (category not in categories or not key or not text.isprintable()):
        raise ValidationFailed(
            f"{text[:60]!r} is no stream: it is called instrument-AAPL, say; it begins with one of"
            f" {', '.join(categories)}.",
            field="stream",
        )
    return text


def moment_of(text: str) -> datetime | None:
    """Return the instant of an ISO time, UTC unless it says otherwise, or of so long ago; None for no text.

    Raises ValidationFailed.
    """
    if not text:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValidationFailed(
            f"--since {text[:40]!r}: give a time such as 2026-11-20 or 2026-11-20T15:30, or how long ago: 15min, 2h, 7d.",
            field="since",
        ) from None


def events_asked_for(
    sources: tuple[str, ...], *, since: datetime | None, event: str, stream: str
) -> tuple[tuple[str, ...], "Which"]:
    """Return which events are meant, and of which services that others listen to.

    Raises ValidationFailed, and NotFound when no such event can be on its way to anybody.
    """
    from shared.eventstore.history import event_named, events
    from shared.eventstore.redelivery import Which, published
    from shared.messaging.topology import subscribers_of

    event_id = None
    if since and since > datetime.now(UTC):
        raise ValidationFailed("--since lies in the future: nothing is on record from then.", field="since")
    if event:
        service, row = event_named(sources, event)
        sources, event_id = (service,), row.event_id
    if stream:
        sources = tuple(source for source in sources if events(source, stream=stream).exists())
        if not sources:
            raise NotFound(f"No event of {stream} is on record.")
    which = Which(since=since, event_id=event_id, stream=stream or None)
    heard = tuple(source for source in sources if subscribers_of(source))
    if not heard:
        raise NotFound(f"No service receives the events of {' or '.join(sources)}.")
    if (event or stream) and not any(published(source, which).exists() for source in heard):
        raise NotFound(f"Events of {stream or row.stream} stay in {heard[0]}: no service receives them.")
    return heard, which
