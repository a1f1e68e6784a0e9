import psycopg
import pytest
from django.db import ProgrammingError, connections, transaction

from shared.eventstore.models import Event
from shared.eventstore.tests.tally import tell


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET data = '{}'",
        "DELETE FROM event",
        "TRUNCATE event",
        "ALTER TABLE event ADD COLUMN note text",
        "DROP TABLE event",
        "SELECT setval('event_position_seq', 1)",
    ],
)
def test_a_service_cannot_edit_its_history(tally: psycopg.Connection, statement: str) -> None:
    tell("tally-a", 1)
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("bellwether_ingest",)
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(using="ingest"),
        connections["ingest"].cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Event.objects.using("ingest").get().data == {"number": 1}
