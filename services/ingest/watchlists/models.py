"""Watch lists as their events left them."""

from django.db import models


class WatchList(models.Model):
    """Symbols that are kept fresh while the list is active, in the order given. A projection."""

    name = models.TextField(primary_key=True)
    symbols = models.JSONField()
    provider = models.TextField()
    active = models.BooleanField()
    created_at = models.DateTimeField()
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "watch_list"
