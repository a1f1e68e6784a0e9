from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest


@pytest.fixture
def tally(
    db: psycopg.Connection, cause: UUID, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection]:
    """Set up the tests' own domain, inside a request; give the owner's connection."""
    from shared.eventstore.tests.tally import installed

    with installed(db, monkeypatch):
        yield db
