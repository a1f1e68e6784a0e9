"""Every call to a provider, and what is known of the keys."""

from django.db import models
from django.db.models.functions import Now


class ProviderCall(models.Model):
    """One call, on record before it is sent; the rest is told when its answer is understood. Part of the record.

    Without a verdict it was sent and nobody knows its answer. No column holds the key.
    """

    id = models.BigAutoField(primary_key=True)
    provider = models.TextField()
    key_fingerprint = models.TextField(blank=True)
    function = models.TextField()
    subject = models.TextField(blank=True)
    asked_by = models.UUIDField()
    sent_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True)
    verdict = models.TextField(null=True)
    detail = models.TextField(default="")
    http_status = models.IntegerField(null=True)
    byte_count = models.IntegerField(null=True)
    body_sha256 = models.TextField(null=True)

    class Meta:
        db_table = "provider_call"
        indexes = [
            models.Index(fields=["provider", "key_fingerprint", "sent_at"], name="provider_call_newest"),
            models.Index(fields=["asked_by"], name="provider_call_asked_by"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answered_at=None, verdict=None)
                | models.Q(answered_at__isnull=False, verdict__isnull=False),
                name="provider_call_answered_whole",
            ),
        ]


class ProviderState(models.Model):
    """Whether a provider takes calls of a key, and why not. A projection."""

    pk = models.CompositePrimaryKey("provider", "key_fingerprint")
    provider = models.TextField()
    key_fingerprint = models.TextField(blank=True)
    is_closed = models.BooleanField()
    verdict = models.TextField(blank=True)
    detail = models.TextField(blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_state"


class ProviderCapability(models.Model):
    """What a key may do or not. A projection."""

    pk = models.CompositePrimaryKey("provider", "key_fingerprint", "capability")
    provider = models.TextField()
    key_fingerprint = models.TextField(blank=True)
    capability = models.TextField()
    is_allowed = models.BooleanField()
    learnt_at = models.DateTimeField()

    class Meta:
        db_table = "provider_capability"
        verbose_name_plural = "provider capabilities"
