"""Tells a database that is away from a statement that is wrong."""

from uuid import UUID

import psycopg
from django.db import InterfaceError, InternalError, OperationalError, connections

# Classes of SQLSTATE: connection lost, transaction to be repeated, no resources, lock not free, shutdown; and
# a server that takes no writes, as around a failover.
_NO_EVENT = UUID(int=0)
_READ_ONLY = "25006"
_OUTAGES = ("08", "40", "53", "55P03", "57P", _READ_ONLY)


def is_unavailable(error: Exception) -> bool:
    """Return whether a database was away, or took no writes as it does around a failover."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == _READ_ONLY
    return isinstance(error, (OperationalError, InterfaceError))


def is_outage(service: str, error: Exception) -> bool:
    """Return whether an error has nothing to do with the work that met it, so that it may be done again.

    An error without a state is an outage when the driver met it, who then lost the connection, or when the
    connection is gone: code that raises one of its own accord would otherwise be repeated for ever.
    """
    if not is_unavailable(error):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return bool(state.startswith(_OUTAGES))
    if isinstance(error.__cause__, psycopg.OperationalError):
        return True  # whatever the connection looks like: leaving the transaction, Django makes a new one
    connection = connections[service]
    return connection.connection is None or not connection.is_usable()


def require_writes(service: str) -> None:
    """Commit a write; raises what a database that is away, full or read-only answers."""
    with connections[service].cursor() as cursor:
        cursor.execute(
            "INSERT INTO attempt (event_id, attempts) VALUES (%s, 0) ON CONFLICT (event_id) DO UPDATE SET last_at = now()",
            [_NO_EVENT],
        )
        cursor.execute("DELETE FROM attempt WHERE event_id = %s", [_NO_EVENT])


def answers(service: str) -> bool:
    """Return whether a service's database takes a new connection, and writes, right now."""
    connection = connections[service]
    connection.close()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return bool(cursor.fetchone()[0] == "off")
    except (OperationalError, InterfaceError):
        return False
