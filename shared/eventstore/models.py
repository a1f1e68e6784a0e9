"""The record: events, what was sent and received, what was set aside, and the jobs.

These tables stand in each service's schema and are always queried with `.using(service)`.
"""

from django.db import models
from django.db.models.functions import Now


class Event(models.Model):
    """One event. The service role may only SELECT and INSERT: history cannot be edited."""

    position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    stream = models.TextField()
    version = models.IntegerField()
    type = models.TextField()
    schema_version = models.SmallIntegerField()
    data = models.JSONField()
    correlation_id = models.UUIDField(db_index=True)
    causation_id = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "event"
        constraints = [
            models.UniqueConstraint(fields=["event_id"], name="event_id_once"),
            models.UniqueConstraint(fields=["stream", "version"], name="event_stream_version"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="event_version_from_one"),
        ]
        indexes = [models.Index(fields=["type", "position"], name="event_type_position")]


class Outbox(models.Model):
    """One row for each event that must leave the service; `sent_at` is set after the bus confirmed."""

    position = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField()
    stream = models.TextField()
    body = models.BinaryField()
    routing_key = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox"
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["position"], condition=models.Q(sent_at=None), name="outbox_pending")]


class Inbox(models.Model):
    """One row for each event received, written in the transaction of its effect.

    `state`: `handled`, `ignored` (no handler, or a type this release does not know) or `waiting` (an earlier
    event of its stream has not come yet).
    """

    position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    source = models.TextField()
    stream = models.TextField()
    version = models.IntegerField()
    type = models.TextField()
    body = models.BinaryField()
    body_hash = models.TextField()
    state = models.TextField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "inbox"
        verbose_name_plural = "inbox"
        constraints = [
            models.UniqueConstraint(fields=["event_id"], name="inbox_event_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["handled", "ignored", "waiting"]), name="inbox_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["source", "stream", "version"],
                condition=models.Q(state="waiting"),
                name="inbox_waiting",
            ),
        ]


class StreamPosition(models.Model):
    """The last version applied of each stream received from another service."""

    pk = models.CompositePrimaryKey("source", "stream")
    source = models.TextField()
    stream = models.TextField()
    version = models.IntegerField()

    class Meta:
        db_table = "stream_position"


class Attempt(models.Model):
    """How often a received event was begun; written before handling, so that a crash is counted too."""

    event_id = models.UUIDField(primary_key=True)
    attempts = models.IntegerField()
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "attempt"


class Parked(models.Model):
    """A message set aside with its error: to be listed, retried or dropped by an operator."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(null=True)
    source = models.TextField(blank=True)
    stream = models.TextField(blank=True)
    version = models.IntegerField(null=True)
    body = models.BinaryField()
    body_hash = models.TextField()
    slug = models.TextField()
    detail = models.TextField()
    attempts = models.IntegerField()
    parked_at = models.DateTimeField(db_default=Now())
    resolution = models.TextField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "parked"
        verbose_name, verbose_name_plural = "parked message", "parked messages"
        constraints = [
            models.UniqueConstraint(
                fields=["body_hash"], condition=models.Q(resolution=None), name="parked_body_once"
            ),
            models.CheckConstraint(
                condition=models.Q(resolution=None) | models.Q(resolution__in=["retried", "dropped"]),
                name="parked_resolution_known",
            ),
        ]
        indexes = [models.Index(fields=["event_id"], name="parked_event")]


class Job(models.Model):
    """One piece of work. The row is the truth and a queue message only the doorbell.

    A worker holds a job by a lease that it renews; `fence` grows with each lease, and only the holder of the
    current one may finish the job.
    """

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    key = models.TextField()
    payload = models.JSONField()
    state = models.TextField(default="queued")
    attempts = models.IntegerField(default=0)
    fence = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    run_after = models.DateTimeField(db_default=Now())
    problem = models.JSONField(null=True)
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "job"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=models.Q(state__in=["queued", "running", "waiting_quota"]),
                name="job_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "queued",
                        "running",
                        "waiting_quota",
                        "succeeded",
                        "partial",
                        "failed",
                        "cancelled",
                        "refused",
                    ]
                ),
                name="job_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run_after"],
                condition=models.Q(state__in=["queued", "waiting_quota"]),
                name="job_due",
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="job_running"),
        ]
