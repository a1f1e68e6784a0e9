"""Hundreds of small disasters from seeds: each can be repeated step by step from its number."""

from collections.abc import Callable

import pytest

from services.tests.chaos.books import effects
from services.tests.chaos.simulation import Simulation, crashes_unwind
from services.tests.chaos.stage import Stage

SEEDS_IN_SHORT, SEEDS_IN_FULL = range(12), range(300)
STEPS = 60
ROOM = 1_000_000  # numbers of a seed

type Note = Callable[[str, object], None]


@pytest.fixture
def bus_url() -> None:
    """Need no bus: the simulation brings its own."""


def test_a_bus_that_does_its_worst_costs_nothing(stage: Stage, cause: object, record_property: Note) -> None:
    simulate(stage, SEEDS_IN_SHORT, record_property)


@pytest.mark.chaos
def test_a_bus_that_does_its_worst_for_long_costs_nothing(
    stage: Stage, cause: object, record_property: Note
) -> None:
    simulate(stage, SEEDS_IN_FULL, record_property)


def simulate(stage: Stage, seeds: range, note: Note) -> None:
    """Run each seed on streams of its own and balance its books, and at the end those of all."""
    crashes = 0
    with crashes_unwind():
        for seed in seeds:
            simulation = Simulation(seed=seed, prefix=f"{seed}x", first_number=seed * ROOM)
            simulation.run(steps=STEPS)
            for service, category in (("analytics", "mark"), ("analytics", "echo"), ("reports", "echo")):
                found = effects(stage.owner, service, f"{category}-{seed}x")
                counts = simulation.truth.judge(number for rows in found.values() for _, number in rows)
                assert counts.is_valid(), (seed, service, category, counts)
            crashes += simulation.crashes
            stage.truth.attempted |= simulation.truth.attempted
            stage.truth.acknowledged |= simulation.truth.acknowledged
    counts = stage.check()
    note("chaos", f"{len(seeds)} seeds of {STEPS} steps, {crashes} crashes: {counts}")


def test_a_seed_has_one_trace_and_another_seed_another(stage: Stage, cause: object) -> None:
    with crashes_unwind():
        traces = [
            Simulation(seed=seed, prefix=f"{turn}x", first_number=turn * ROOM).run(steps=STEPS)
            for turn, seed in enumerate((7, 7, 8))
        ]

    assert traces[0] == traces[1]
    assert traces[1] != traces[2]
