"""The lookup job."""

from datetime import date
from typing import Any

from django.utils import timezone

from services.ingest.fetches.selectors import answers_to
from services.ingest.fetches.services import keep_answer
from services.ingest.lookups.services import JOB_KIND, complete_lookup, fail_lookup
from services.ingest.providers.registry import remote_provider
from services.ingest.quota.services import ask
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run(job: LeasedJob) -> None:
    """Ask the provider, unless it answered before, and record what it says as of when that came.

    Raises what the provider raises, and WaitingForQuota.
    """
    provider = remote_provider(job.payload["provider"])
    kind, subject = job.payload["kind"], job.payload["subject"]
    on = date.fromisoformat(job.payload["on"]) if job.payload["on"] else None
    call = provider.lookup_call(kind, subject, on)
    if call.name not in answers_to(job.id, provider=provider.name):
        body = ask(provider=provider, call=call, asked_by=job.id, now=timezone.now())
        keep_answer(asked_by=job.id, provider=provider.name, call=call.name, body=body, now=timezone.now())
    body, received_at = answers_to(job.id, provider=provider.name)[call.name]
    rows = provider.read_lookup(kind, subject, body, now=received_at)
    complete_lookup(job=job, rows=rows, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record that no answer came."""
    fail_lookup(job=job, state=state, problem=problem, now=timezone.now())


register_jobs("ingest", {JOB_KIND: JobKind(run=run, fail=fail)})
