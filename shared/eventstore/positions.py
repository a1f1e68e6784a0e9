"""How far each received stream was applied."""

from collections.abc import Collection, Mapping

from shared.cursors import prepared_cursor

type Place = tuple[str, str]  # source and stream

_ADD = """
INSERT INTO stream_position (source, stream, version)
SELECT source, stream, 0 FROM unnest(%s::text[], %s::text[]) AS place (source, stream) ORDER BY source, stream
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT source, stream, version FROM stream_position
JOIN unnest(%s::text[], %s::text[]) AS place (source, stream) USING (source, stream)
ORDER BY source, stream FOR UPDATE OF stream_position
"""
_ADVANCE = """
UPDATE stream_position SET version = place.version
FROM unnest(%s::text[], %s::text[], %s::int[]) AS place (source, stream, version)
WHERE (stream_position.source, stream_position.stream) = (place.source, place.stream)
"""


def lock_positions(service: str, places: Collection[Place]) -> dict[Place, int]:
    """Return the last version applied of each stream (0: none) and hold their rows until the transaction ends.

    All take them in one order, so that two who want the same ones cannot block each other for ever.
    """
    columns = [list(column) for column in zip(*sorted(set(places)), strict=True)]
    with prepared_cursor(service) as cursor:
        cursor.execute(_ADD, columns)
        cursor.execute(_LOCK, columns)
        return {(source, stream): version for source, stream, version in cursor.fetchall()}


def lock_position(service: str, source: str, stream: str) -> int:
    """Return the last version applied of one stream, and hold its row, as `lock_positions` does."""
    return lock_positions(service, [(source, stream)])[source, stream]


def advance(service: str, positions: Mapping[Place, int]) -> None:
    """Set the last version applied of streams whose positions are locked."""
    with prepared_cursor(service) as cursor:
        sources, streams = [source for source, _ in positions], [stream for _, stream in positions]
        cursor.execute(_ADVANCE, [sources, streams, list(positions.values())])
