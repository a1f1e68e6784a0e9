"""`bellwether key`: try a provider's key and keep it in the state folder."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from time import sleep
from typing import Annotated, Any
from uuid import UUID

import typer
from uuid6 import uuid7

from deploy.local import fetch_output, output
from deploy.local.failures import command_edge
from deploy.local.system import System, open_system
from shared.errors import BellwetherError, ValidationFailed
from shared.settings.env import is_given
from shared.settings.vendors import KEY_EXPECTED, KEY_SETTINGS, key_text

LONGEST_KEY = 128
TRIAL_SYMBOL = "IBM"
TRIAL_DAYS = {"alphavantage": None, "tiingo": 14}  # None asks for all, which shows whether a key may have it
LONGEST_PACE_SECONDS = 5.0
FULL_HISTORY, ADJUSTED = "full_history", "adjusted"


def key(
    provider: Annotated[str, typer.Argument(help=f"One of: {', '.join(KEY_SETTINGS)}.")],
    forget: Annotated[bool, typer.Option("--forget", help="Remove the key that is kept.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")
    ] = False,
) -> None:
    """Ask for a provider's key (hidden), try it with a call or two, say what it can do and keep it."""
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
    with _without_alarms():
        waits_until = _try(provider)
    system.state.keep_secret(setting.lower(), text)
    wake_waiting("ingest")
    return {"kept": True, "waits_until": waits_until, **_abilities(provider)}


@contextmanager
def _without_alarms() -> Iterator[None]:
    """Keep what is logged for operators off the terminal of whoever reads it in words; JSON logs stay."""
    from django.conf import settings

    alarms = logging.getLogger("services.ingest.quota.services")
    level = alarms.level
    if not settings.BELLWETHER["LOG_JSON"]:
        alarms.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        alarms.setLevel(level)


def _try(provider: str) -> str | None:
    """Make a call, and one for adjusted prices with a key whose plan may have them; both are counted.

    Return when calls are possible again if none is left now. Raises KeyRefused and ProviderUnavailable.
    """
    from django.utils import timezone

    from services.ingest.providers.faults import NotInPlan
    from services.ingest.quota.selectors import capabilities_of
    from services.ingest.quota.services import ProviderNotClosed, open_provider
    from shared.eventstore.jobs import WaitingForQuota
    from shared.observability.correlation import Cause, caused_by

    asked_by = UUID(str(uuid7()))
    with caused_by(Cause(asked_by)):
        with suppress(ProviderNotClosed):
            # Whoever types a key again has a reason to try it again.
            open_provider(name=provider, now=timezone.now())
        try:
            with output.step(f"One call to {provider}"), suppress(NotInPlan):
                _ask(provider, asked_by, {})
        except WaitingForQuota as waiting:
            return waiting.until.isoformat()
        if capabilities_of(provider).get(FULL_HISTORY):
            # The key is good, whatever becomes of this one.
            with output.step("A second call, for adjusted prices"), suppress(BellwetherError):
                _ask(provider, asked_by, {FULL_HISTORY: True, ADJUSTED: True})
    return None


def _ask(provider: str, asked_by: UUID, capabilities: dict[str, bool]) -> None:
    """Make the first call that prices take with a key that may do as much; its answer teaches whether it may.

    The pace of calls is waited for. Raises NotInPlan, which says that the key is good, and what `ask` raises else.
    """
    from django.utils import timezone

    from services.ingest.providers.calls import SeriesRequest
    from services.ingest.providers.registry import remote_provider
    from services.ingest.quota.services import ask
    from shared.eventstore.jobs import WaitingForQuota

    now, days = timezone.now(), TRIAL_DAYS[provider]
    request = SeriesRequest(
        symbol=TRIAL_SYMBOL,
        start=(now - timedelta(days=days)).date() if days else None,
        end=None,
        with_actions=bool(capabilities),
    )
    remote = remote_provider(provider)
    call = remote.series_calls(request, capabilities=capabilities)[0]
    try:
        ask(provider=remote, call=call, asked_by=asked_by, now=now, anew=True)
    except WaitingForQuota as waiting:
        seconds = (waiting.until - timezone.now()).total_seconds()
        if seconds > LONGEST_PACE_SECONDS:
            raise
        sleep(max(seconds, 0))
        ask(provider=remote, call=call, asked_by=asked_by, now=timezone.now(), anew=True)


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
