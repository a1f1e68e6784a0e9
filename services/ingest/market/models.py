"""Facts as they were told: rows are added and superseded, never changed or deleted."""

from django.db import models


class Bar(models.Model):
    """One session's prices as traded, in the version that introduced them. Part of the record.

    Known at version v: `version <= v` and (`superseded_version` is null or above v).
    """

    pk = models.CompositePrimaryKey("symbol", "session", "version")
    symbol = models.TextField()
    session = models.DateField()
    version = models.IntegerField()
    superseded_version = models.IntegerField(null=True)
    open = models.DecimalField(max_digits=18, decimal_places=6)
    high = models.DecimalField(max_digits=18, decimal_places=6)
    low = models.DecimalField(max_digits=18, decimal_places=6)
    close = models.DecimalField(max_digits=18, decimal_places=6)
    volume = models.BigIntegerField()
    provider = models.TextField()
    fetch_id = models.UUIDField()

    class Meta:
        db_table = "bar"
        constraints = [
            models.UniqueConstraint(
                fields=["symbol", "session"],
                condition=models.Q(superseded_version=None),
                name="bar_current_once",
            ),
            models.CheckConstraint(
                condition=models.Q(low__gt=0)
                & models.Q(low__lte=models.F("open"))
                & models.Q(low__lte=models.F("close"))
                & models.Q(high__gte=models.F("open"))
                & models.Q(high__gte=models.F("close"))
                & models.Q(volume__gte=0),
                name="bar_prices_possible",
            ),
            models.CheckConstraint(
                condition=models.Q(superseded_version=None)
                | models.Q(superseded_version__gt=models.F("version")),
                name="bar_superseded_later",
            ),
        ]


class Action(models.Model):
    """A split (`value`: new shares for one old) or dividend (`value`: cash per share as traded)."""

    pk = models.CompositePrimaryKey("symbol", "kind", "ex_date", "version")
    symbol = models.TextField()
    kind = models.TextField()
    ex_date = models.DateField()
    version = models.IntegerField()
    superseded_version = models.IntegerField(null=True)
    value = models.DecimalField(max_digits=18, decimal_places=8)
    provider = models.TextField()
    fetch_id = models.UUIDField()

    class Meta:
        db_table = "action"
        constraints = [
            models.UniqueConstraint(
                fields=["symbol", "kind", "ex_date"],
                condition=models.Q(superseded_version=None),
                name="action_current_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["split", "dividend"]) & models.Q(value__gt=0),
                name="action_possible",
            ),
        ]


class Instrument(models.Model):
    """What a symbol names, as of its last version. A projection of `PricesUpdated`."""

    symbol = models.TextField(primary_key=True)
    version = models.IntegerField()
    first_session = models.DateField()
    last_session = models.DateField()
    bar_count = models.IntegerField()
    provider = models.TextField()
    attribution = models.TextField()
    notes = models.JSONField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "instrument"


class InstrumentVersion(models.Model):
    """Who told a version of an instrument, when, and on which terms. A projection of `PricesUpdated`."""

    pk = models.CompositePrimaryKey("symbol", "version")
    symbol = models.TextField()
    version = models.IntegerField()
    provider = models.TextField()
    attribution = models.TextField()
    notes = models.JSONField()
    fetch_id = models.UUIDField()
    added_count = models.IntegerField()
    corrected_count = models.IntegerField()
    actions_changed_count = models.IntegerField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "instrument_version"
        indexes = [models.Index(fields=["fetch_id"], name="instrument_version_fetch")]
