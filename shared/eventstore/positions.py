"""How far each received stream was applied."""

from django.db import connections


def lock_position(service: str, source: str, stream: str) -> int:
    """Return the last version applied of a stream (0: none) and hold its row until the transaction ends."""
    with connections[service].cursor() as cursor:
        cursor.execute(
            "INSERT INTO stream_position (source, stream, version) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING",
            [source, stream],
        )
        cursor.execute(
            "SELECT version FROM stream_position WHERE source = %s AND stream = %s FOR UPDATE",
            [source, stream],
        )
        return int(cursor.fetchone()[0])


def advance(service: str, source: str, stream: str, version: int) -> None:
    """Set the last version applied of a stream whose position is locked."""
    with connections[service].cursor() as cursor:
        cursor.execute(
            "UPDATE stream_position SET version = %s WHERE source = %s AND stream = %s",
            [version, source, stream],
        )
