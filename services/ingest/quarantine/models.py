"""Changes that are held back: what was told against what was stored, and what was decided."""

from django.db import models

STATES = ("open", "accepted", "dismissed", "outdated")


class Quarantine(models.Model):
    """One change of known prices that waits for an operator, or what one decided. A projection.

    `version` is the instrument's version that its rows became, once accepted. It is `outdated` once the rows that it
    would replace changed, or its provider took it back: nobody decided that.
    """

    id = models.UUIDField(primary_key=True)
    symbol = models.TextField()
    provider = models.TextField()
    attribution = models.TextField()
    fetch_id = models.UUIDField()
    kind = models.TextField()
    detail = models.TextField()
    content_hash = models.TextField()
    row_count = models.IntegerField()
    first_session = models.DateField()
    last_session = models.DateField()
    state = models.TextField()
    version = models.IntegerField(null=True)
    decided_by = models.TextField(null=True)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "quarantine"
        constraints = [
            models.UniqueConstraint(fields=["content_hash"], name="quarantine_content_once"),
            models.CheckConstraint(condition=models.Q(state__in=STATES), name="quarantine_state_known"),
        ]
        indexes = [
            models.Index(fields=["symbol", "-created_at"], name="quarantine_symbol_newest"),
            models.Index(fields=["-created_at", "-id"], name="quarantine_newest"),
        ]


class QuarantinedBar(models.Model):
    """A bar as it was told, against the stored one of `held_version`. Part of the record."""

    pk = models.CompositePrimaryKey("quarantine_id", "session")
    quarantine_id = models.UUIDField()
    session = models.DateField()
    held_version = models.IntegerField()
    open = models.DecimalField(max_digits=18, decimal_places=6)
    high = models.DecimalField(max_digits=18, decimal_places=6)
    low = models.DecimalField(max_digits=18, decimal_places=6)
    close = models.DecimalField(max_digits=18, decimal_places=6)
    volume = models.BigIntegerField()

    class Meta:
        db_table = "quarantined_bar"


class QuarantinedAction(models.Model):
    """A split or dividend as it was told (`value`: null where it is told no more). Part of the record.

    `held_version` is that of the stored one, null where there was none.
    """

    pk = models.CompositePrimaryKey("quarantine_id", "kind", "ex_date")
    quarantine_id = models.UUIDField()
    kind = models.TextField()
    ex_date = models.DateField()
    held_version = models.IntegerField(null=True)
    value = models.DecimalField(max_digits=18, decimal_places=8, null=True)

    class Meta:
        db_table = "quarantined_action"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["split", "dividend"])
                & (models.Q(value=None, held_version__isnull=False) | models.Q(value__gt=0)),
                name="quarantined_action_possible",
            ),
        ]
