"""Work that is cut into chunks, which any worker may take, and that ends once all of them are there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet

from services.analytics.work.outdating import Outdating
from shared.errors import NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import AGAIN_STATES, OPEN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.models import Job
from shared.eventstore.worker import JobCancelled, NotCancellable

# Note [One work, many workers]
# Every change of a work is decided with its row locked: workers of several chunks then append to its stream one
# after the other, exactly one of them sees that it was the last, and whoever cancels knows that no chunk that is
# still at work will be recorded. A job of a work that is over ends itself.


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedWork:
    """One kind of such work, in services of the analytics app; a row has chunk_count and chunks_done.

    name      of its streams; with `_chunk` and `_end` behind it of its jobs, with `_id` of what names it in events
    title     what a person calls it
    model     its rows, which its events project
    refused   the event that ends it without a result
    outdated  the event that says that its prices were corrected
    done      gives the numbers of the chunks that are there
    """

    name: str
    title: str
    model: type[Any]
    refused: Callable[..., Any]
    outdated: Callable[..., Any]
    done: Callable[[UUID], set[int]]

    @property
    def chunk_kind(self) -> str:
        """Return the kind of the jobs that do one chunk each."""
        return f"{self.name}_chunk"

    @property
    def end_kind(self) -> str:
        """Return the kind of the job that judges all chunks together."""
        return f"{self.name}_end"

    @property
    def outdating(self) -> Outdating:
        """Return how its results are told to be outdated."""
        return Outdating(
            name=self.name,
            field=f"{self.name}_id",
            model=self.model,
            outdated=self.outdated,
            earlier=self._earlier,
        )

    def start(self, requested: Any, *, now: datetime) -> None:
        """Queue the chunks that are not there yet; work that goes on or has ended with a result stays as it is."""
        work_id: UUID = getattr(requested, f"{self.name}_id")
        with transaction.atomic(using="analytics", durable=True):
            work = self._locked(work_id)
            if work is not None and work.state not in AGAIN_STATES:
                return
            recorded = append("analytics", self._stream(work_id), requested, now=now)
            self._enqueue_missing(work_id, requested.chunk_count, asked_by=recorded[-1].event_id)

    def begun_by(self, job: LeasedJob) -> Any:
        """Return the work of a job, None where it does not go on: then the job has ended."""
        with transaction.atomic(using="analytics", durable=True):
            return self._going_on(job)

    def record_chunk(
        self, progressed: Any, *, job: LeasedJob, now: datetime, store: Callable[[], object] = lambda: None
    ) -> None:
        """Record a chunk, with `store` its rows, unless the work is over; whoever brings the last has it ended."""
        with transaction.atomic(using="analytics", durable=True):
            if self._going_on(job) is None:
                return
            store()
            work_id = self._id(job)
            append("analytics", self._stream(work_id), progressed, now=now)
            work = self._locked_for(job)
            if work.chunks_done == work.chunk_count:
                self._enqueue(work_id, self.end_kind, "end", asked_by=job.id)
            finish(job, "succeeded")

    def record_end(
        self, completed: Any, *, job: LeasedJob, now: datetime, store: Callable[[], object] = lambda: None
    ) -> None:
        """Record what all chunks come to, with `store` its rows, unless the work is over."""
        with transaction.atomic(using="analytics", durable=True):
            if self._going_on(job) is None:
                return
            store()
            work_id = self._id(job)
            append("analytics", self._stream(work_id), completed, now=now)
            self.outdating.mark_at_once(work_id, now=now)
            finish(job, "succeeded")

    def fail(self, job: LeasedJob, state: str, problem: dict[str, Any], *, now: datetime) -> None:
        """Record that the work will not be completed, for one of its jobs was not."""
        with transaction.atomic(using="analytics", durable=True):
            if self._locked_for(job).state in OPEN_STATES:
                self._refuse(self._id(job), state, problem, now=now)
            finish(job, state, problem=problem)

    def cancel(self, work_id: UUID, *, now: datetime) -> None:
        """Stop before the next chunks; what is stored stays. What was cancelled before stays so.

        Raises NotFound, and NotCancellable for work that is over.
        """
        with transaction.atomic(using="analytics", durable=True):
            work = self._locked(work_id)
            if work is None:
                raise NotFound(f"There is no {self.title} {work_id}.")
            if work.state == "cancelled":
                return
            if work.state not in OPEN_STATES:
                raise NotCancellable(f"The {self.title} is {work.state}.")
            problem = JobCancelled(
                f"It was cancelled when {work.chunks_done} of {work.chunk_count} chunks were done."
            ).as_problem()
            self._refuse(work_id, "cancelled", problem, now=now)

    def _earlier(self, symbol: str, version: int) -> QuerySet[Any]:
        finished: QuerySet[Any] = self.model.objects.using("analytics").filter(state="succeeded")
        return finished.filter(symbol=symbol, data_version__lt=version)

    def _refuse(self, work_id: UUID, state: str, problem: dict[str, Any], *, now: datetime) -> None:
        refused = self.refused(**{f"{self.name}_id": work_id}, state=state, problem=problem)
        append("analytics", self._stream(work_id), refused, now=now)

    def _going_on(self, job: LeasedJob) -> Any:
        """Return a job's work with its row locked, None where it is over: then the job has ended."""
        work = self._locked_for(job)
        if work.state in OPEN_STATES:
            return work
        finish(job, "cancelled")
        return None

    def _enqueue_missing(self, work_id: UUID, count: int, *, asked_by: UUID) -> None:
        """Queue the chunks that are neither there nor queued, or the end where all are there."""
        done = self.done(work_id)
        jobs = Job.objects.using("analytics").filter(
            kind__in=(self.chunk_kind, self.end_kind), key__startswith=f"{work_id}/", state__in=OPEN_STATES
        )
        queued = set(jobs.values_list("key", flat=True))
        for number in range(count):
            if number not in done and f"{work_id}/{number}" not in queued:
                self._enqueue(work_id, self.chunk_kind, str(number), asked_by=asked_by)
        if len(done) == count and f"{work_id}/end" not in queued:
            self._enqueue(work_id, self.end_kind, "end", asked_by=asked_by)

    def _enqueue(self, work_id: UUID, kind: str, part: str, *, asked_by: UUID) -> None:
        enqueue(
            "analytics",
            job_id=uuid5(asked_by, part),
            kind=kind,
            key=f"{work_id}/{part}",
            payload={f"{self.name}_id": str(work_id), "chunk": part},
            causation_id=asked_by,
        )

    def _locked(self, work_id: UUID) -> Any:
        """Return a work that nobody else changes until the transaction ends, None where there is none."""
        return self.model.objects.using("analytics").select_for_update().filter(id=work_id).first()

    def _locked_for(self, job: LeasedJob) -> Any:
        return self.model.objects.using("analytics").select_for_update().get(id=self._id(job))

    def _id(self, job: LeasedJob) -> UUID:
        return UUID(job.payload[f"{self.name}_id"])

    def _stream(self, work_id: UUID) -> str:
        return f"{self.name}-{work_id}"
