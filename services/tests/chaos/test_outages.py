"""What the loss of a connection looks like to those who must tell it from a fault of the work: row 36 and P7."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import DatabaseError, connections, transaction

from services.tests.chaos.conftest import connected_to
from services.tests.chaos.proxy import Proxy
from services.tests.chaos.test_network import through
from shared.eventstore.outages import is_outage


@pytest.fixture
def line(db: object, migrated_database: str) -> Iterator[Proxy]:
    """Give the line by which this process reaches its database."""
    (folder,) = parse_qs(urlsplit(migrated_database).query)["host"]
    proxy = Proxy(Path(folder) / ".s.PGSQL.5432")
    with connected_to(through(proxy, migrated_database)):
        yield proxy
    proxy.close()


def test_a_line_that_was_cut_in_a_transaction_is_an_outage_although_the_next_connection_works(
    line: Proxy,
) -> None:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(using="analytics", durable=True),
        connections["analytics"].cursor() as cursor,
    ):
        cursor.execute("SELECT 1")
        line.reset()
        cursor.execute("SELECT 2")

    assert is_outage("analytics", caught.value)
