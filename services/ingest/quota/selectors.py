"""Reads of what may still be asked of providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import Max
from psycopg import sql

from services.ingest.providers.calls import Verdict
from services.ingest.providers.faults import KeyMissing, KeyRefused, ProviderOff
from services.ingest.quota.domain import (
    LONGEST_CALL,
    MOST_ANSWERS,
    OUTAGE_MEMORY,
    QUOTA_SCHEMA,
    SHORTEST_WAIT,
    Account,
    Answered,
    Closure,
    Known,
    Waiting,
    Window,
    account_of,
    outage_after,
    paused_until,
    windows,
)
from services.ingest.quota.models import ProviderCall, ProviderCapability, ProviderState
from shared.errors import BellwetherError
from shared.eventstore.jobs import WaitingForQuota
from shared.eventstore.models import Job
from shared.settings.vendors import KEY_SETTINGS, kept_key

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
    def left(self) -> int:
        """Return how many calls are possible now, but for the pace at which they are made."""
        lasting = [window.left for window in self.windows if window.seconds >= SHORTEST_WAIT.total_seconds()]
        return 0 if self.problem else min(lasting, default=1)

    @property
    def closed_until(self) -> datetime | None:
        """Return when the provider is asked again, if that is known."""
        return self.problem.until if isinstance(self.problem, WaitingForQuota) else None


def account_named(name: str) -> Account:
    """Return how we stand with a provider by our settings and the keys that are kept now. Raises UnknownProvider."""
    values, setting = settings.BELLWETHER, KEY_SETTINGS.get(name, "")
    if setting and not values[setting]:
        values = {**values, setting: kept_key(values["CREDENTIALS_FOLDER"], setting)}
    return account_of(name, values)


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


def waiting_jobs(*, now: datetime) -> list[Waiting]:
    """Return the jobs that wait for a provider for a while yet, oldest first."""
    jobs = Job.objects.using("ingest").filter(state="waiting_quota", run_after__gt=now + SHORTEST_WAIT)
    rows = list(jobs.order_by("created_at", "id").values_list("id", "payload__provider", "problem__provider"))
    asked = ProviderCall.objects.using("ingest").filter(asked_by__in=[job_id for job_id, *_ in rows])
    providers: dict[UUID, set[str]] = {}
    for asked_by, name in asked.values_list("asked_by", "provider").distinct():
        providers.setdefault(asked_by, set()).add(name)
    return [
        Waiting(
            job_id=job_id,
            provider=provider,
            waits_for=waits_for or provider,
            has_asked=frozenset(providers.get(job_id, ())),
        )
        for job_id, provider, waits_for in rows
    ]


def problem_of(account: Account, *, now: datetime, anew: bool = False) -> BellwetherError | None:
    """Return what a call would be refused with at `now` before it is counted, None when nothing is against it.

    What is asked `anew` does not wait for the end of an outage.
    """
    closure = closure_of(account)
    if problem := _setting_problem(account):
        return problem
    if closure and closure.until is None:
        return KeyRefused(f"{account.provider} does not accept the key: {closure.detail}")
    if closure and closure.until and closure.holds(now):
        return waiting(account, closure.detail or closure.verdict, until=closure.until)
    answers = last_answers(account, now=now)
    pause = paused_until(answers)
    if pause and pause > now:
        return WaitingForQuota(
            f"{account.provider} was asked too fast.", until=pause, provider=account.provider
        )
    outage = outage_after(answers)
    if anew or outage is None:
        return None
    until = max(outage.until, _tried_until(account, now=now) or outage.until)
    times = "the last call" if outage.failures == 1 else f"{outage.failures} tries in a row"
    return waiting(account, f"{times} failed: {outage.detail}", until=until) if until > now else None


def waiting(account: Account, why: str, *, until: datetime) -> WaitingForQuota:
    """Return that a provider is not asked before `until`, and why."""
    told = f"{account.provider} takes no calls until {until:%Y-%m-%d %H:%M} UTC: {why.rstrip('.')}."
    return WaitingForQuota(told, until=until, provider=account.provider)


def _tried_until(account: Account, *, now: datetime) -> datetime | None:
    """Return when a call that is under way has an answer, or nobody who waits for it; None without one."""
    sent = ProviderCall.objects.using("ingest").filter(
        provider=account.provider, key_fingerprint=account.fingerprint, answered_at=None
    )
    newest = sent.filter(sent_at__gt=now - LONGEST_CALL).aggregate(at=Max("sent_at"))["at"]
    return newest + LONGEST_CALL if newest else None


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
        .filter(sent_at__gt=now - OUTAGE_MEMORY, answered_at__isnull=False)
        .order_by("-answered_at", "-id")
    )
    found = rows.values_list("verdict", "sent_at", "answered_at", "detail")[:MOST_ANSWERS]
    return [
        Answered(verdict=Verdict(verdict or ""), sent_at=sent_at, at=at, detail=detail)
        for verdict, sent_at, at, detail in found
        if at
    ]


def calls_for(asked_by: UUID) -> Sequence[ProviderCall]:
    """Return the calls that a fetch or a lookup made, in order."""
    return list(ProviderCall.objects.using("ingest").filter(asked_by=asked_by).order_by("id"))


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
