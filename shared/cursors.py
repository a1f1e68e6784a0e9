"""Cursors for the few statements that run with every event."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections

REPEATS_BEFORE_PREPARED = 5


@contextmanager
def prepared_cursor(service: str) -> Iterator[Any]:
    """Give a cursor that binds its parameters on the server and has it plan a repeated statement only once.

    Django turns that off for the sake of poolers, which this system does without. In all else the cursor is
    like Django's: errors are Django's, and a broken transaction refuses to go on.
    """
    with connections[service].cursor() as usual, psycopg.Cursor(usual.connection) as cursor:
        usual.connection.prepare_threshold = REPEATS_BEFORE_PREPARED
        yield type(usual)(cursor, connections[service])
