"""`bellwether key`: try a provider's key and keep it in the state folder."""

import os
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from uuid6 import uuid7

from deploy.local import fetch_output, output
from deploy.local.failures import command_edge
from deploy.local.system import System, open_system
from shared.errors import ValidationFailed
from shared.settings.env import is_given
from shared.settings.vendors import KEY_EXPECTED, KEY_SETTINGS, key_text

LONGEST_KEY = 128
TRIAL_SYMBOL = "IBM"
TRIAL_DAYS = {"alphavantage": None, "tiingo": 14}  # None asks for all, which shows whether a key may have it


def key(
    provider: Annotated[str, typer.Argument(help=f"One of: {', '.join(KEY_SETTINGS)}.")],
    forget: Annotated[bool, typer.Option("--forget", help="Remove the key that is kept.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")
    ] = False,
) -> None:
    """Ask for a provider's key (hidden), try it with one call, say what it can do and keep it."""
    with command_edge(as_json=as_json):
        _require_ours(provider)
        with open_system() as system:
            done = _forget(system, provider) if forget else _keep(system, provider, _asked(provider))
            (output.print_json if as_json else fetch_output.print_key)(done)


def _require_ours(provider: str) -> None:
    """Accept a provider whose key is ours to keep. Raises ValidationFailed."""
    if provider not in KEY_SETTINGS:
        raise ValidationFailed(f"{provider[:40]!r} needs no key; these do: {', '.join(KEY_SETTINGS)}.")
    setting = KEY_SETTINGS[provider]
    if is_given(setting, os.environ):
        raise ValidationFailed(
            f"{setting} is set, and goes before any key that is kept: remove it there first."
        )


def _asked(provider: str) -> str:
    """Return the key that is typed, or piped in. Raises ValidationFailed; never shows it."""
    if sys.stdin.isatty():
        text = str(typer.prompt(f"Key of {provider}", hide_input=True, err=True))
    else:
        text = sys.stdin.readline(2 * LONGEST_KEY)
    try:
        return str(key_text(text.strip()))
    except ValueError:
        raise ValidationFailed(f"A key has {KEY_EXPECTED}.") from None


def _keep(system: System, provider: str, text: str) -> dict[str, Any]:
    """Try the key; one that is refused is not kept. Raises KeyRefused and ProviderUnavailable."""
    from django.conf import settings

    from shared.eventstore.jobs import wake_waiting

    setting = KEY_SETTINGS[provider]
    settings.BELLWETHER[setting] = text
    with output.step(f"One call to {provider}"):
        waits_until = _try(provider)
    system.state.keep_secret(setting.lower(), text)
    wake_waiting("ingest")
    return {"kept": True, "waits_until": waits_until, **_abilities(provider)}


def _try(provider: str) -> str | None:
    """Make one call. Return when calls are possible again if none is left now."""
    from django.utils import timezone

    from services.ingest.providers.calls import SeriesRequest
    from services.ingest.providers.faults import NotInPlan
    from services.ingest.providers.registry import remote_provider
    from services.ingest.quota.services import ProviderNotClosed, ask, open_provider
    from shared.eventstore.jobs import WaitingForQuota
    from shared.observability.correlation import Cause, caused_by

    asked_by, now = UUID(str(uuid7())), timezone.now()
    days = TRIAL_DAYS[provider]
    start = (now - timedelta(days=days)).date() if days else None
    request = SeriesRequest(symbol=TRIAL_SYMBOL, start=start, end=None, with_actions=False)
    remote = remote_provider(provider)
    with caused_by(Cause(asked_by)):
        with suppress(ProviderNotClosed):
            open_provider(name=provider, now=now)  # whoever types a key again has a reason to try it again
        try:
            ask(
                provider=remote,
                call=remote.series_calls(request, capabilities={})[0],
                asked_by=asked_by,
                now=now,
                anew=True,
            )
        except NotInPlan:
            pass  # the key is good, and what it may not have is remembered
        except WaitingForQuota as waiting:
            return waiting.until.isoformat()
    return None


def _forget(system: System, provider: str) -> dict[str, Any]:
    existed = system.state.forget_secret(KEY_SETTINGS[provider].lower())
    return {"provider": provider, "kept": False, "existed": existed}


def _abilities(provider: str) -> dict[str, Any]:
    from django.utils import timezone

    from services.ingest.quota.selectors import capabilities_of, quota_of

    return {
        "provider": provider,
        "capabilities": capabilities_of(provider),
        "limits": [
            {"calls": window.calls, "seconds": window.seconds, "left": window.left}
            for window in quota_of(provider, now=timezone.now()).windows
        ],
    }
