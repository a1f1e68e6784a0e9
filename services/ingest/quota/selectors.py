"""Reads of what may still be asked of providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import sql

from services.ingest.providers.calls import Verdict
from services.ingest.providers.faults import KeyMissing, KeyRefused, ProviderOff
from services.ingest.quota.domain import (
    IN_A_ROW,
    MOST_PRESSED,
    QUOTA_SCHEMA,
    Account,
    Answered,
    Closure,
    Known,
    Window,
    account_of,
    paused_until,
    windows,
)
from services.ingest.quota.models import ProviderCall, ProviderCapability, ProviderState
from shared.errors import BellwetherError
from shared.eventstore.jobs import WaitingForQuota

_TABLE_OF_BUCKET = "ratelimit___{}"  # as pyrate-limiter names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What may still be asked of a provider: `problem` is what stands against it, None when nothing does."""

    provider: str
    needs_key: bool
    has_key: bool
    windows: tuple[Window, ...]
    capabilities: dict[str, bool]
    problem: BellwetherError | None

    @property
    def status(self) -> str:
        """Return `ready`, `no-key`, `off` or `closed`."""
        words = {type(None): "ready", KeyMissing: "no-key", ProviderOff: "off"}
        return words.get(type(self.problem), "closed")

    @property
    def error(self) -> dict[str, Any] | None:
        """Return the problem as a document."""
        return self.problem.as_problem() if self.problem else None

    @property
    def closed_until(self) -> datetime | None:
        """Return when the provider is asked again, if that is known."""
        return self.problem.until if isinstance(self.problem, WaitingForQuota) else None


def account_named(name: str) -> Account:
    """Return how we stand with a provider by our settings. Raises UnknownProvider."""
    return account_of(name, settings.BELLWETHER)


def capabilities_of(name: str) -> dict[str, bool]:
    """Return what is known of what the key of a provider may do. Raises UnknownProvider."""
    account = account_named(name)
    rows = ProviderCapability.objects.using("ingest").filter(
        provider=account.provider, key_fingerprint=account.fingerprint
    )
    return dict(rows.order_by("capability").values_list("capability", "is_allowed"))


def is_ready(name: str) -> bool:
    """Return whether a provider is on, has the key it needs and did not refuse it. Raises UnknownProvider.

    One that takes no calls for the time being is ready: what is asked waits for it.
    """
    account = account_named(name)
    closure = closure_of(account)
    return _setting_problem(account) is None and (closure is None or closure.until is not None)


def require_ready(name: str, *, now: datetime) -> None:
    """Accept a provider that takes calls now or will by itself.

    Raises ProviderOff, KeyMissing and KeyRefused, and UnknownProvider.
    """
    problem = problem_of(account_named(name), now=now)
    if problem and not isinstance(problem, WaitingForQuota):
        raise problem


def quota_of(name: str, *, now: datetime) -> Quota:
    """Return what may still be asked of a provider. Raises UnknownProvider."""
    account = account_named(name)
    return Quota(
        provider=name,
        needs_key=account.needs_key,
        has_key=bool(account.key),
        windows=windows(account.limits, _counted(account, now=now), now=now),
        capabilities=capabilities_of(name),
        problem=problem_of(account, now=now),
    )


def problem_of(account: Account, *, now: datetime) -> BellwetherError | None:
    """Return what a call would be refused with at `now` before it is counted, None when nothing is against it."""
    closure = closure_of(account)
    if problem := _setting_problem(account):
        return problem
    if closure and closure.until is None:
        return KeyRefused(f"{account.provider} does not accept the key: {closure.detail}")
    if closure and closure.until and closure.holds(now):
        return WaitingForQuota(
            f"{account.provider} takes no calls until {closure.until:%Y-%m-%d %H:%M} UTC: {closure.detail}",
            until=closure.until,
        )
    pause = paused_until(last_answers(account, now=now))
    if pause and pause > now:
        return WaitingForQuota(f"{account.provider} was asked too fast.", until=pause)
    return None


def _setting_problem(account: Account) -> BellwetherError | None:
    """Return what is missing in the settings for a provider to be asked."""
    prefix = account.provider.upper()
    if not account.is_on:
        return ProviderOff(f"{account.provider} is switched off; set {prefix}_ENABLED to use it.")
    if account.needs_key and not account.key:
        return KeyMissing(
            f"{account.provider} needs a key: give it to `bellwether key {account.provider}`, or set {prefix}_API_KEY."
        )
    return None


def closure_of(account: Account) -> Closure | None:
    """Return why the provider was closed for the key, though that may be over."""
    row = (
        ProviderState.objects.using("ingest")
        .filter(provider=account.provider, key_fingerprint=account.fingerprint, is_closed=True)
        .first()
    )
    if row is None:
        return None
    return Closure(verdict=row.verdict, detail=row.detail, since=row.since, until=row.until)


def last_answers(account: Account, *, now: datetime) -> list[Answered]:
    """Return how the last calls were answered as far as that tells of the next one, newest first."""
    rows = (
        ProviderCall.objects.using("ingest")
        .filter(provider=account.provider, key_fingerprint=account.fingerprint)
        .filter(sent_at__gt=now - IN_A_ROW, answered_at__isnull=False)
        .order_by("-answered_at", "-id")
    )
    found = rows.values_list("verdict", "answered_at")[: MOST_PRESSED + 1]
    return [Answered(verdict=Verdict(verdict or ""), at=at) for verdict, at in found if at]


def known_with(account: Account, call_id: int) -> Known:
    """Return what is known with the answer to a call that is on record."""
    calls = ProviderCall.objects.using("ingest").filter(
        provider=account.provider, key_fingerprint=account.fingerprint
    )
    answered_at = calls.values_list("answered_at", flat=True).get(id=call_id)
    if answered_at is None:
        raise ValueError(f"Call {call_id} has no answer.")
    earlier = calls.filter(id__lt=call_id, sent_at__gt=answered_at - account.longest)
    return Known(
        answered_at=answered_at,
        answers=last_answers(account, now=answered_at),
        capabilities=capabilities_of(account.provider),
        closure=closure_of(account),
        earlier_sent_at=earlier.order_by("sent_at").values_list("sent_at", flat=True).first(),
    )


def _counted(account: Account, *, now: datetime) -> Sequence[datetime]:
    """Return when calls were counted by the bucket, newest first, as far back as the longest limit."""
    table = _TABLE_OF_BUCKET.format(account.bucket)
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f'{QUOTA_SCHEMA}."{table}"'])
        if cursor.fetchone() == (None,):  # made with the first call
            return ()
        counted = sql.SQL(
            "SELECT item_timestamp AT TIME ZONE 'UTC' FROM {}"
            " WHERE item_timestamp >= %s AT TIME ZONE 'UTC' ORDER BY item_timestamp DESC"
        ).format(sql.Identifier(QUOTA_SCHEMA, table))
        cursor.execute(counted, [now - account.longest])
        return [at for (at,) in cursor.fetchall()]
