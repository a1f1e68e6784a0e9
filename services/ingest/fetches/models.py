"""Fetches as their events left them."""

from django.db import models


class Fetch(models.Model):
    """One question to a provider and its outcome. A projection."""

    id = models.UUIDField(primary_key=True)
    symbol = models.TextField()
    provider = models.TextField()
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    state = models.TextField()
    version = models.IntegerField(null=True)
    changed = models.BooleanField(null=True)
    first_session = models.DateField(null=True)
    last_session = models.DateField(null=True)
    bar_count = models.IntegerField(null=True)
    missing_before = models.DateField(null=True)
    missing_after = models.DateField(null=True)
    inner_gaps = models.JSONField(null=True)
    with_actions = models.BooleanField(default=True)
    requested_because = models.TextField(null=True)
    reason = models.TextField(null=True)
    sources = models.JSONField(null=True)
    rejected_count = models.IntegerField(null=True)
    rejected = models.JSONField(null=True)
    provisional_session = models.DateField(null=True)
    kept_count = models.IntegerField(null=True)
    compared_count = models.IntegerField(null=True)
    disagreeing_count = models.IntegerField(null=True)
    disagreements = models.JSONField(null=True)
    quarantine_id = models.UUIDField(null=True)
    quarantined_count = models.IntegerField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "fetch"
        verbose_name_plural = "fetches"
        indexes = [models.Index(fields=["symbol", "-created_at"], name="fetch_symbol_newest")]


class Answer(models.Model):
    """A provider's answer to one call, kept until the fetch or lookup that needs it has ended.

    So no call is spent twice. `asked_by` is the fetch or lookup.
    """

    pk = models.CompositePrimaryKey("asked_by", "provider", "call")
    asked_by = models.UUIDField()
    provider = models.TextField()
    call = models.TextField()
    body = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "answer"
