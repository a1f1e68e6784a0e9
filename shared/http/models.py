"""What a service keeps of its callers: answers under their keys, and how much each one asks.

These tables stand in each service's schema, are always queried with `.using(service)` or by SQL, and are no
part of the record: what is in them is a day old at most.
"""

import uuid

from django.db import models
from django.db.models.functions import Now


class KeyedRequest(models.Model):
    """One POST with an `Idempotency-Key`.

    It is under way while `claimed_at` is set, answered once `status` is, and free to be tried again with
    neither. `fence` grows with each try, and only the last one may store its answer. `seed` makes the ids of
    what the request makes. An answer without `body` held a secret, and is made anew.
    """

    caller = models.TextField()
    route = models.TextField()
    key = models.TextField()
    request_hash = models.BinaryField(max_length=32)
    seed = models.UUIDField(default=uuid.uuid4)
    fence = models.IntegerField(db_default=1)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)
    claimed_at = models.DateTimeField(null=True, db_default=Now())
    status = models.SmallIntegerField(null=True)
    headers = models.JSONField(null=True)
    body = models.BinaryField(null=True)

    class Meta:
        db_table = "keyed_request"
        constraints = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="keyed_request_once"),
            models.CheckConstraint(
                condition=models.Q(claimed_at=None) | models.Q(status=None),
                name="keyed_request_open_or_answered",
            ),
        ]


class RateWindow(models.Model):
    """How many requests a caller made in the minute it was last seen in, counted from the epoch.

    The table is not logged: after a crash of the database every caller starts from nothing.
    """

    caller = models.TextField(primary_key=True)
    minute = models.BigIntegerField()
    count = models.IntegerField()

    class Meta:
        db_table = "rate_window"
