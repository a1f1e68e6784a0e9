"""Asks providers: each call counted before it is sent, kept, and learnt from."""

import hashlib
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connections, transaction
from django.db.models import Q
from django.db.models.functions import Now

from services.ingest.providers.calls import Call, RawAnswer, Reading, RemoteProvider, Verdict
from services.ingest.providers.faults import (
    BadProviderData,
    KeyRefused,
    NotInPlan,
    ProviderNotice,
    ProviderOff,
    ProviderUnavailable,
    SymbolRefused,
)
from services.ingest.providers.masking import masked
from services.ingest.providers.registry import REMOTE_NAMES
from services.ingest.quota import selectors
from services.ingest.quota.domain import (
    KEY_FAULTS,
    PLAN_FAULTS,
    Account,
    Answered,
    Closure,
    Lesson,
    capability_of,
    lessons,
    woken,
)
from services.ingest.quota.models import ProviderCall
from shared.contracts.market_data import ProviderClosed, ProviderOpened
from shared.errors import BellwetherError
from shared.eventstore.append import append
from shared.eventstore.jobs import WaitingForQuota, wake_waiting

DETAIL_CHARACTERS = 300
FAULTS: dict[Verdict, type[BellwetherError]] = {
    Verdict.NOT_FOUND: SymbolRefused,
    Verdict.INVALID_CALL: SymbolRefused,
    Verdict.UNKNOWN_FUNCTION: BadProviderData,
    Verdict.BAD_DATA: BadProviderData,
    Verdict.TRANSPORT: ProviderUnavailable,
    Verdict.UNKNOWN_NOTICE: ProviderNotice,
    Verdict.BAD_KEY: KeyRefused,
    Verdict.DEMO_KEY: KeyRefused,
}
ALARMING = {*KEY_FAULTS, Verdict.UNKNOWN_FUNCTION}
log = structlog.get_logger(__name__)

# Note [A call is counted when it is sent]
# The bucket is told first, then the ledger, both committed before anything leaves this process. Whenever it dies,
# no call was made that is not counted. A call is never given back: the provider has counted it, whatever it said.

# Note [One asks whether an outage is over]
# Calls are let in one after the other, under a lock, and one that is let in is on the ledger before the next is
# looked at. So when the pause after failures is over, the first who comes asks, and all others, in whichever process,
# wait for what it finds out.


class ProviderNotClosed(BellwetherError):
    """Raised when a provider is to be opened that takes calls."""

    status, slug, title = 409, "provider-not-closed", "The provider is not closed"


def ask(*, provider: RemoteProvider, call: Call, asked_by: UUID, now: datetime, anew: bool = False) -> bytes:
    """Ask a provider once and return the body of its answer, which has data.

    `asked_by` is the fetch or lookup it is for. With `anew` what the key's plan lacked before is asked for again,
    and an outage is not waited for. Raises ProviderOff, KeyMissing, KeyRefused and NotInPlan, without
    asking where that is known; WaitingForQuota with when to ask again; and for what the provider said SymbolRefused,
    ProviderNotice, ProviderUnavailable or BadProviderData. Runs outside of a transaction: what was sent stays on
    record, whatever becomes of the caller.
    """
    account = selectors.account_named(provider.name)
    seen = selectors.closure_of(account)  # first: one that comes later must not be taken for it
    call_id = _let_in(account, call, asked_by, now=now, anew=anew)
    answer, reading = _answer_of(provider, call, account)
    problem = _conclude(account, call, call_id, answer, reading, seen=seen, now=now)
    if problem or not answer:
        raise problem or ProviderUnavailable(reading.detail)
    return answer.body


def open_provider(*, name: str, now: datetime) -> None:
    """Have a closed provider asked again although its key is the same.

    Raises UnknownProvider and ProviderNotClosed.
    """
    account = selectors.account_named(name)
    with transaction.atomic(using="ingest", durable=True):
        _lock(account)
        if selectors.closure_of(account) is None:
            raise ProviderNotClosed(f"{name} takes calls.")
        opened = ProviderOpened(provider=name, key_fingerprint=account.fingerprint)
        append("ingest", account.stream, opened, now=now)


def wake_jobs(*, now: datetime) -> int:
    """Have jobs look again that were told to wait longer than they must by now; return how many.

    So it is after limits were raised, a provider was opened or got a key, or another one has calls again.
    """
    waiting = selectors.waiting_jobs(now=now)
    if not waiting:
        return 0
    left = {name: selectors.quota_of(name, now=now).left for name in REMOTE_NAMES}
    return wake_waiting("ingest", Q(id__in=woken(waiting, left)))


def _let_in(account: Account, call: Call, asked_by: UUID, *, now: datetime, anew: bool) -> int:
    """Count a call and put it on the ledger; return its id. See Note [One asks whether an outage is over].

    Raises what it is refused with before it is sent, and ProviderUnavailable when nothing can be counted.
    """
    # Its libraries are ingest's alone, and these services are also loaded where another one runs by itself.
    from services.ingest.quota.gate import take_turn

    with transaction.atomic(using="ingest", durable=True):
        _lock(account)
        if problem := _known_problem(account, call, now=now, anew=anew):
            raise problem
        if free_at := take_turn(account.bucket, account.limits, connection=connection_of_ingest()):
            told = f"The calls to {account.provider} are used up for now."
            raise WaitingForQuota(told, until=free_at, provider=account.provider)
        row = ProviderCall.objects.using("ingest").create(
            provider=account.provider,
            key_fingerprint=account.fingerprint,
            function=call.function,
            subject=masked(call.subject, account.key),
            asked_by=asked_by,
        )
    return row.id


def _known_problem(account: Account, call: Call, *, now: datetime, anew: bool) -> BellwetherError | None:
    """Return what a call is refused with before it is counted."""
    if problem := selectors.problem_of(account, now=now, anew=anew):
        return problem
    is_refused = not anew and selectors.capabilities_of(account.provider).get(capability_of(call)) is False
    return _not_in_plan(account, call, "so it said before") if is_refused else None


def connection_of_ingest() -> dict[str, Any]:
    """Return how alias `ingest` reaches PostgreSQL, without what only Django's connections need."""
    params: dict[str, Any] = connections["ingest"].get_connection_params()
    return {name: value for name, value in params.items() if name not in {"context", "cursor_factory"}}


def _answer_of(provider: RemoteProvider, call: Call, account: Account) -> tuple[RawAnswer | None, Reading]:
    """Send the call and return its answer with how it is understood; None for no answer at all.

    Raises ProviderOff when what sends it is not installed: asking again would not help, and nothing was answered.
    """
    answer, failure = _guarded(account, lambda: provider.send(call, account.access))
    if answer is None:
        return None, Reading(verdict=Verdict.TRANSPORT, detail=failure)
    reading, failure = _guarded(account, lambda: provider.understand(call, answer))
    if reading is None:
        return answer, Reading(verdict=Verdict.BAD_DATA, detail=failure)
    return answer, replace(reading, detail=_told(reading.detail, account))


def _guarded[T](account: Account, work: Callable[[], T]) -> tuple[T | None, str]:
    """Return what `work` gives, or why it gave nothing: an exception from there may hold the key.

    Raises ProviderOff.
    """
    try:
        return work(), ""
    except ProviderOff:
        raise
    except BellwetherError as error:
        return None, _told(error.detail, account)
    except Exception as error:  # noqa: BLE001 its text and traceback leave here masked only
        broken = masked(traceback.format_exc(), account.key)
        log.error("provider_code_broke", provider=account.provider, traceback=broken)  # noqa: TRY400 it would be shown unmasked
        return None, _told(f"{type(error).__name__}: {error}", account)


def _told(text: str, account: Account) -> str:
    """Return somebody else's words without the key, short, and fit to be stored and shown."""
    told = masked(text, account.key)[:DETAIL_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in told)


def _conclude(
    account: Account,
    call: Call,
    call_id: int,
    answer: RawAnswer | None,
    reading: Reading,
    *,
    seen: Closure | None,
    now: datetime,
) -> BellwetherError | None:
    """Record an answer and what it teaches, and return what it is refused with, None for data."""
    with transaction.atomic(using="ingest", durable=True):
        _lock(account)
        _record_answer(call_id, answer, reading)
        known = selectors.known_with(account, call_id)
        learnt = lessons(account, call, reading, known=known, seen=seen)
        if learnt:
            append("ingest", account.stream, *learnt, now=now)
        problem = _problem(account, call, reading, answered_at=known.answered_at)
    _tell_operator(account, call, reading, learnt, known.answers)
    return problem


def _lock(account: Account) -> None:
    """Let one worker at a time learn about a provider: the next finds what this one learnt."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [account.stream])


def _record_answer(call_id: int, answer: RawAnswer | None, reading: Reading) -> None:
    body: dict[str, Any] = {}
    if answer is not None:
        digest = hashlib.sha256(answer.body).hexdigest()
        body = {"http_status": answer.status, "byte_count": len(answer.body), "body_sha256": digest}
    ProviderCall.objects.using("ingest").filter(id=call_id).update(
        answered_at=Now(), verdict=reading.verdict.value, detail=reading.detail, **body
    )


def _problem(
    account: Account, call: Call, reading: Reading, *, answered_at: datetime
) -> BellwetherError | None:
    said = reading.detail or reading.verdict.value
    if reading.verdict is Verdict.DATA:
        return None
    if reading.verdict in PLAN_FAULTS:
        return _not_in_plan(account, call, said)
    if fault := FAULTS.get(reading.verdict):
        asked = masked(f"{call.function} {call.subject}", account.key)
        said_it = "gave no proper answer to" if reading.verdict is Verdict.TRANSPORT else "answered"
        return fault(f"{account.provider} {said_it} {asked}: {said}")
    # What is left are limits: this answer, or what closed the provider, says until when.
    return selectors.problem_of(account, now=answered_at) or ProviderNotice(said)


def _not_in_plan(account: Account, call: Call, said: str) -> NotInPlan:
    capability = capability_of(call)
    return NotInPlan(
        f"The plan of the key of {account.provider} does not include {capability}: {said}.",
        capability=capability,
    )


def _tell_operator(
    account: Account, call: Call, reading: Reading, learnt: Sequence[Lesson], answers: Sequence[Answered]
) -> None:
    """Log what somebody should see: what needs them as an error, what may pass as a warning."""
    facts = {"provider": account.provider, "function": call.function, "verdict": reading.verdict.value}
    is_repeated = [answer.verdict for answer in answers[:2]] == [Verdict.UNKNOWN_NOTICE] * 2
    closed = any(isinstance(lesson, ProviderClosed) for lesson in learnt)
    if reading.verdict in ALARMING or is_repeated:
        log.error("provider_needs_attention", **facts, detail=reading.detail)
    elif (
        closed
        or reading.verdict is Verdict.UNKNOWN_NOTICE
        or (reading.verdict is Verdict.DATA and reading.detail)
    ):
        log.warning("provider_notice", **facts, detail=reading.detail)
