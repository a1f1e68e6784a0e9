"""Asks providers what is not a series of daily prices, and keeps what they say."""

from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from services.ingest.fetches.services import fail_work, forget_answers, queue_work
from services.ingest.lookups.domain import question_of, subject_of
from services.ingest.lookups.models import Lookup, LookupAnswer
from services.ingest.providers.faults import SymbolRefused
from services.ingest.providers.registry import remote_provider
from services.ingest.quota.selectors import require_ready
from shared.contracts.codec import body_hash, dumps
from shared.contracts.market_data import LookupCompleted, LookupFailed, LookupRequested
from shared.errors import BellwetherError, NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import LeasedJob, finish
from shared.eventstore.worker import cancel_job

JOB_KIND = "lookup"


class AnsweredToday(BellwetherError):
    """Raised when the same was answered today and the caller did not ask anew; `lookup_id` names that lookup.

    That the provider knows nothing of it is an answer too.
    """

    status, slug, title = 409, "answered-today", "The question was answered today"


def request_lookup(
    *,
    lookup_id: UUID,
    provider: str,
    kind: str,
    subject: str,
    on: date | None,
    now: datetime,
    once_a_day: bool = True,
) -> None:
    """Queue a question to a provider.

    Raises UnknownLookup, InvalidSymbol and ValidationFailed, KeyMissing and ProviderOff, AnsweredToday (on the UTC
    day of `now`) and JobAlreadyOpen.
    """
    subject = subject_of(kind, subject)
    remote_provider(provider).lookup_call(kind, subject, on)
    require_ready(provider, now=now)
    question = question_of(provider=provider, kind=kind, subject=subject, on=on)
    event = LookupRequested(lookup_id=lookup_id, provider=provider, kind=kind, subject=subject, on=on)
    queue_work(
        event,
        job_id=lookup_id,
        kind=JOB_KIND,
        key=question,
        now=now,
        refuse_if_done=partial(_refuse_if_answered, question, now=now) if once_a_day else None,
    )


def complete_lookup(*, job: LeasedJob, rows: list[dict[str, Any]], now: datetime) -> None:
    """Keep the rows of an answer and end the lookup's job."""
    answer_hash = body_hash(dumps(rows))
    with transaction.atomic(using="ingest", durable=True):
        LookupAnswer.objects.using("ingest").bulk_create(
            [LookupAnswer(answer_hash=answer_hash, rows=rows)], ignore_conflicts=True
        )
        completed = LookupCompleted(lookup_id=job.id, answer_hash=answer_hash, row_count=len(rows))
        append("ingest", f"{JOB_KIND}-{job.id}", completed, now=now)
        forget_answers(asked_by=job.id)
        finish(job, "succeeded")


def fail_lookup(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record that a lookup brought no answer, and why."""
    fail_work(LookupFailed(lookup_id=job.id, state=state, problem=problem), job=job, now=now)


def cancel_lookup(*, lookup_id: UUID) -> None:
    """Take back a lookup that no worker has begun; one that was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    lookup = Lookup.objects.using("ingest").filter(id=lookup_id).first()
    if lookup is None:
        raise NotFound(f"There is no lookup {lookup_id}.")
    if lookup.state != "cancelled":
        cancel_job("ingest", Q(id=lookup_id))


def _refuse_if_answered(question: str, *, now: datetime) -> None:
    unknown = Q(state="refused", problem__type=f"/problems/{SymbolRefused.slug}")
    today = Lookup.objects.using("ingest").filter(
        Q(state="succeeded") | unknown, question=question, finished_at__date=now.astimezone(UTC).date()
    )
    if found := today.order_by("-finished_at").first():
        raise AnsweredToday("This was answered today.", lookup_id=str(found.id))
