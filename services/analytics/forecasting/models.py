"""Forecasts and scores as their events left them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Forecast(models.Model):
    """30 future sessions as one model saw them from one origin. A projection. Prices in terms of `basis`."""

    id = models.UUIDField(primary_key=True)
    inputs_hash = models.TextField()
    kind = models.TextField()
    symbol = models.TextField()
    data_version = models.IntegerField()
    model = models.TextField()
    model_version = models.TextField()
    state = models.TextField()
    basis = models.TextField(null=True)
    model_sha256 = models.TextField(null=True)
    model_scores = models.JSONField(null=True)
    calendar_version = models.TextField(null=True)
    origin_session = models.DateField(null=True)
    origin_close = models.FloatField(null=True)
    volatility = models.FloatField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "forecast"
        indexes = [
            models.Index(fields=["symbol", "-created_at"], name="forecast_symbol_newest"),
            models.Index(fields=["symbol", "data_version"], name="forecast_symbol_version"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["live", "backfilled"]), name="forecast_kind_known"
            )
        ]


class ForecastPoint(models.Model):
    """One session of a forecast. A projection."""

    pk = models.CompositePrimaryKey("forecast_id", "horizon")
    forecast_id = models.UUIDField()
    horizon = models.SmallIntegerField()
    target_session = models.DateField()
    point = models.FloatField()
    q025 = models.FloatField()
    q100 = models.FloatField()
    q250 = models.FloatField()
    q500 = models.FloatField()
    q750 = models.FloatField()
    q900 = models.FloatField()
    q975 = models.FloatField()
    random_walk = models.FloatField()

    class Meta:
        db_table = "forecast_point"


class ForecastScore(models.Model):
    """What came of a forecast as `data_version` of the prices knows it. A projection; ratios are fractions.

    A version that says nothing new has no row: at version v the last row up to v holds. `actual` has one
    price per horizon in the terms of the origin's close, null where the session has none.
    """

    pk = models.CompositePrimaryKey("forecast_id", "data_version")
    forecast_id = models.UUIDField()
    data_version = models.IntegerField()
    actual = ArrayField(models.FloatField(null=True))
    scored_count = models.IntegerField()
    mae_rw_ratio = models.FloatField(null=True)
    pinball_rw_ratio = models.FloatField(null=True)
    coverage80_ratio = models.FloatField(null=True)
    coverage95_ratio = models.FloatField(null=True)

    class Meta:
        db_table = "forecast_score"
