"""A process that dies at a named point, and another one that takes over: matrix rows 10-12, 24-26, 37 and 38."""

from collections.abc import Sequence

import pytest

from services.tests.chaos.spawn import KILLED
from services.tests.chaos.stage import Stage

RELAY = ("relay.claimed", "relay.published", "relay.confirmed", "relay.marked", "relay.committed")
CONSUMER = (
    *("consumer.delivered", "consumer.recorded", "consumer.projected", "consumer.committed"),
    "consumer.settled",
)
JOB = ("job.rung", "job.taken", "job.done", "job.committed")


def test_processes_killed_at_every_point_in_turn_lose_and_double_nothing(stage: Stage) -> None:
    die_in_turn(stage, [point for point in RELAY if comes_to(stage, point)], roles=("relay",))
    stage.start("relay")
    die_in_turn(stage, CONSUMER, roles=("consume",))
    stage.start("consume")
    die_in_turn(stage, JOB, roles=("work", "tick"))
    stage.start("work", "tick")
    stage.settle()

    counts = stage.check()
    assert counts.ok == counts.acknowledged == len(stage.truth.attempted)


def die_in_turn(stage: Stage, points: Sequence[str], *, roles: tuple[str, ...]) -> None:
    """Have a process die at each of the points, one after the other, with new events before each."""
    for point in points:
        stage.write_many(6, job_every=3)
        # With one thread, lest another job that was in hand each time counts as one that kills its workers.
        dying = stage.start(*roles, KILL_AT=point, JOB_THREADS="1")
        assert dying.wait(seconds=60) == KILLED, f"{point}: {dying.tail()}"


def comes_to(stage: Stage, point: str) -> bool:
    """Return whether a process on this bus comes to the point: only a broker has something left to confirm."""
    return stage.broker_url is not None or point != "relay.published"


EVERYWHERE = [
    *[("postgres", point) for point in (*RELAY, *CONSUMER, *JOB) if point != "relay.published"],
    *[pytest.param("rabbitmq", point, marks=pytest.mark.broker) for point in (*RELAY, *CONSUMER, *JOB)],
]


@pytest.mark.chaos
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(("bus_url", "point"), EVERYWHERE, indirect=["bus_url"])
def test_a_process_killed_the_nth_time_at_a_point_loses_and_doubles_nothing(
    stage: Stage, point: str, nth: int
) -> None:
    stage.write_many(9, job_every=2)

    with stage.writing(job_every=2):
        dying = stage.start(KILL_AT=f"{point}:KILL:{nth}")
        assert dying.wait() == KILLED, dying.tail()
    stage.start()
    stage.settle()

    counts = stage.check()
    assert counts.ok == counts.acknowledged
