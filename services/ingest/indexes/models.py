"""Tables that migrations fill from the committed files."""

from django.db import models


class IndexMembership(models.Model):
    """One stay in an index: `end_date` is the first day outside, null while it lasted when the data ends."""

    pk = models.CompositePrimaryKey("index", "symbol", "start_date")
    index = models.TextField()
    symbol = models.TextField()
    start_date = models.DateField()
    end_date = models.DateField(null=True)

    class Meta:
        db_table = "index_membership"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_date=None) | models.Q(end_date__gt=models.F("start_date")),
                name="index_membership_ends_later",
            )
        ]


class TickerRename(models.Model):
    """A ticker that trades under another symbol since `on_date`; since `reused_on` it is another company's."""

    pk = models.CompositePrimaryKey("old", "on_date")
    old = models.TextField()
    new = models.TextField()
    on_date = models.DateField()
    reused_on = models.DateField(null=True)
    company = models.TextField()
    source = models.TextField()

    class Meta:
        db_table = "ticker_rename"
        constraints = [
            models.CheckConstraint(condition=~models.Q(old=models.F("new")), name="ticker_rename_is_one")
        ]
