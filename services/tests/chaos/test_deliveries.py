"""How often an event is on its way, and how soon: matrix rows 11, 12 and 23."""

import psycopg
import pytest

from conftest import MAINTENANCE_URL
from services.tests.chaos.spawn import KILLED
from services.tests.chaos.stage import Stage
from services.tests.chaos.test_process_faults import sent_count, unsent
from services.tests.processes import wait_until

pytestmark = pytest.mark.chaos
LONGEST_LAG_SECONDS = 1.0


@pytest.mark.broker
@pytest.mark.parametrize(
    ("bus_url", "point", "deliveries"),
    [
        ("rabbitmq", "relay.claimed", 1),
        ("rabbitmq", "relay.confirmed", 2),
        ("rabbitmq", "relay.marked", 2),
        ("rabbitmq", "relay.committed", 1),
        ("postgres", "relay.marked", 1),  # deliveries are rows of the transaction that marks them
        ("postgres", "relay.committed", 1),
    ],
    indirect=["bus_url"],
)
def test_a_relay_that_dies_sends_again_what_it_had_not_marked_and_nothing_else(
    stage: Stage, point: str, deliveries: int
) -> None:
    stage.write_many(6)
    dying = stage.start("relay", service="ingest", KILL_AT=point)
    assert dying.wait() == KILLED, dying.tail()
    stage.write_many(1)  # behind all that is sent again
    stage.start("relay", service="ingest")
    wait_until(lambda: unsent(stage) == 0, saying="all sent")

    wait_until(lambda: sent_count(stage) >= 6 * deliveries + 1, saying="all on the bus")
    assert sent_count(stage) == 6 * deliveries + 1
    stage.start()
    stage.settle()
    assert stage.check().ok == 7


def test_a_long_transaction_in_another_database_of_the_server_does_not_delay_events(stage: Stage) -> None:
    stage.start().wait_until_ready()
    stage.write_many(5)
    stage.settle()

    with psycopg.connect(MAINTENANCE_URL) as bystander:
        row = bystander.execute("SELECT pg_current_xact_id()::text::bigint, now()").fetchone()
        assert row is not None
        writer, began = row
        stage.write_many(20)
        stage.settle()
        horizon = stage.owner.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        ).fetchone()

    assert horizon is not None
    assert horizon[0] <= writer  # a reader that waits for every older transaction would still wait
    lag = stage.owner.execute(
        "SELECT max(extract(epoch FROM sent_at - recorded_at))"
        " FROM ingest.event JOIN ingest.outbox USING (position) WHERE recorded_at > %s",
        [began],
    ).fetchone()
    assert lag is not None
    assert float(lag[0]) <= LONGEST_LAG_SECONDS
    assert stage.check().ok == 25
