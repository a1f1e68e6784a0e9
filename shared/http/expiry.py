"""Removes what a service keeps of its callers once it is old; the tick role calls this."""

from django.db import connections

KEPT = "24 hours"
BATCH = 1000
# Small batches hold few locks; rows in somebody's hands are left for the next time.
_OLD_KEYS = f"""
DELETE FROM keyed_request WHERE id IN (
    SELECT id FROM keyed_request WHERE created_at < now() - interval '{KEPT}'
    ORDER BY created_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
"""
_OLD_WINDOWS = f"""
DELETE FROM rate_window WHERE caller IN (
    SELECT caller FROM rate_window WHERE minute < floor(extract(epoch FROM now()) / 60) - 1
    LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
"""


def remove_expired(service: str) -> int:
    """Remove one batch of answers older than a day and one of counts of past minutes; return how many rows."""
    with connections[service].cursor() as cursor:
        removed = 0
        for statement in (_OLD_KEYS, _OLD_WINDOWS):
            cursor.execute(statement)
            removed += cursor.rowcount
        return removed
