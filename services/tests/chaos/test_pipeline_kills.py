"""The true pipeline, from a fetch to its report, while its processes die: matrix rows 37, 38 and 42."""

from pathlib import Path

import pytest

from services.tests.books import EACH_EFFECT_ONCE, counted
from services.tests.chaos.spawn import KILLED
from services.tests.chaos.stage import Stage
from services.tests.processes import wait_until
from services.tests.test_pipeline import fetch_now


@pytest.mark.chaos
@pytest.mark.parametrize(
    "point", ["job.taken", "job.done", "job.committed", "report.rendered", "consumer.projected"]
)
def test_a_pipeline_whose_worker_dies_at_a_point_ends_in_one_report(
    stage: Stage, cause: object, point: str
) -> None:
    fetch_now()

    for _ in range(2):  # a third time the job would count as one that kills its workers
        dying = stage.start(KILL_AT=point)
        assert dying.wait(seconds=60) == KILLED, dying.tail()
    stage.start()
    wait_until(lambda: counted(stage.owner)["reports.rendered"] == 1, saying="the report")
    stage.settle()

    assert counted(stage.owner) == EACH_EFFECT_ONCE
    stage.check()


@pytest.mark.chaos
def test_a_report_whose_worker_dies_before_it_is_stored_is_rendered_again(
    stage: Stage, cause: object, tmp_path: Path
) -> None:
    fetch_now()

    dying = stage.start(KILL_AT="report.rendered")
    assert dying.wait(seconds=60) == KILLED, dying.tail()
    files = stage.owner.execute("SELECT count(*) FROM reports.report_file").fetchone()
    assert files == (0,)
    stage.start()
    wait_until(lambda: counted(stage.owner)["reports.rendered"] == 1, saying="the report")
    stage.settle()

    assert counted(stage.owner) == EACH_EFFECT_ONCE
    stage.check()
