"""Reads of the record."""

from typing import Any

from django.db.models import Case, Expression, F, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from shared.eventstore.jobs import OPEN_STATES
from shared.eventstore.models import Job


def with_live_state(rows: QuerySet[Any], *, kind: str, key: Expression | OuterRef) -> QuerySet[Any]:
    """Add `live_state` to rows of a projection: its state, or its job's while the work is open.

    With it come `live_problem`, the row's problem or why such a job has not ended yet, and `resumes_at`, when a job
    that waits for a provider's quota goes on.

    `key` is the job's key in terms of the row, by OuterRef.
    """
    jobs = Job.objects.using(rows.db).filter(kind=kind, key=key, state__in=OPEN_STATES)
    job_state = Coalesce(Subquery(jobs.values("state")[:1]), F("state"))
    shown: QuerySet[Any] = rows.annotate(
        live_state=Case(When(state="queued", then=job_state), default=F("state")),
        live_problem=Case(
            When(state="queued", then=Subquery(jobs.values("problem")[:1])), default=F("problem")
        ),
        resumes_at=Case(
            When(state="queued", then=Subquery(jobs.filter(state="waiting_quota").values("run_after")[:1]))
        ),
    )
    return shown
