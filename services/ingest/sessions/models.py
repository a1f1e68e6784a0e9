"""The sessions table, filled by migration from the committed calendar file."""

from django.db import models


class Calendar(models.Model):
    """One exchange and the version of its sessions table."""

    calendar = models.TextField(primary_key=True)
    version = models.TextField()

    class Meta:
        db_table = "calendar"


class Session(models.Model):
    """One trading day with its opening and closing instants."""

    pk = models.CompositePrimaryKey("calendar", "session")
    calendar = models.TextField()
    session = models.DateField()
    open_at = models.DateTimeField()
    close_at = models.DateTimeField()

    class Meta:
        db_table = "session"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(open_at__lt=models.F("close_at")), name="session_opens_first"
            )
        ]
