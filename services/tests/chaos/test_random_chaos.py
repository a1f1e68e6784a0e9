"""Everything at once, by chance from a seed: `make chaos` does it for minutes, `make test` for seconds."""

import os
from collections.abc import Callable

import pytest

from deploy.local.readiness import free_ports
from services.tests.chaos.buses import ON_BOTH_IN_FULL
from services.tests.chaos.disorder import Disorder, clients
from services.tests.chaos.servers import PostgresServer, RabbitServer
from services.tests.chaos.stage import Stage

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1,2,3").split(",")]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
LEAST_FAULTS = 5

type Note = Callable[[str, object], None]


@ON_BOTH_IN_FULL
def test_a_few_seconds_of_chaos_lose_and_double_nothing(stage: Stage, record_property: Note) -> None:
    run(Disorder(stage, seed=1), stage, seconds=0, seed=1, note=record_property)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", SEEDS)
def test_chaos_among_processes_and_the_database_loses_and_doubles_nothing(
    database_stage: Stage, private_postgres: PostgresServer, seed: int, record_property: Note
) -> None:
    disorder = Disorder(database_stage, seed=seed)
    disorder.also_of(private_postgres)
    run(disorder, database_stage, seconds=SECONDS, seed=seed, note=record_property)


@pytest.mark.chaos
@pytest.mark.broker
@pytest.mark.parametrize("seed", SEEDS)
def test_chaos_among_processes_and_the_broker_loses_and_doubles_nothing(
    broker_stage: Stage, private_broker: RabbitServer, seed: int, record_property: Note
) -> None:
    disorder = Disorder(broker_stage, seed=seed)
    disorder.also_of_broker(private_broker)
    run(disorder, broker_stage, seconds=SECONDS, seed=seed, note=record_property)


def run(disorder: Disorder, stage: Stage, *, seconds: float, seed: int, note: Note) -> None:
    """Let it rage among two workers and a web server that clients write to, then balance the books."""
    (port,) = free_ports(1)
    for start in (
        lambda: stage.start(CHAOS_RECONCILE_SECONDS="2"),
        lambda: stage.start("relay", "consume", "work"),
        lambda: stage.start_web(port),
    ):
        disorder.keep(start)
    with clients(stage, port=port, number_of=2) as answers, stage.writing(streams=12):
        disorder.rage(seconds=seconds, least=LEAST_FAULTS)
    stage.reconnect()
    drained = stage.settle(seconds=60)

    counts = stage.check()
    note("chaos", f"seed {seed}, {seconds:.0f} s: {dict(disorder.counts)}; answers {dict(answers)}; {counts}; "
         f"drained in {drained:.1f} s")  # fmt: skip
    assert counts.acknowledged > 0
    assert {answer for answer in answers if answer.isdigit()} <= {
        "201",
        "409",
        "503",
    }  # 409: two wrote one stream at once
