"""Reports, the parts they wait for, and the files that were rendered."""

from django.db import models


class ReportPart(models.Model):
    """The outcomes of the standing work on one version of a symbol's prices. A projection.

    Each outcome has the id of its event beside it: work that failed and was done again is a new outcome.
    """

    pk = models.CompositePrimaryKey("symbol", "data_version")
    symbol = models.TextField()
    data_version = models.IntegerField()
    run_id = models.UUIDField(null=True)
    run_event_id = models.UUIDField(null=True)
    forecast_id = models.UUIDField(null=True)
    forecast_event_id = models.UUIDField(null=True)
    backfill_id = models.UUIDField(null=True)
    backfill_event_id = models.UUIDField(null=True)

    class Meta:
        db_table = "report_part"


class Report(models.Model):
    """One report. `files` maps a format to the sha256 of its bytes. A projection."""

    id = models.UUIDField(primary_key=True)
    symbol = models.TextField()
    data_version = models.IntegerField()
    run_id = models.UUIDField()
    forecast_id = models.UUIDField()
    backfill_id = models.UUIDField()
    state = models.TextField()
    document_hash = models.TextField(null=True)
    files = models.JSONField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "report"
        indexes = [models.Index(fields=["symbol", "-created_at"], name="report_symbol_newest")]


class ReportFile(models.Model):
    """The bytes of a rendered file under their sha256. Part of the record."""

    sha256 = models.TextField(primary_key=True)
    media_type = models.TextField()
    body = models.BinaryField()

    class Meta:
        db_table = "report_file"
