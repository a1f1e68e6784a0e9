"""A report for which there is no room: matrix row 42."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.reports.documents.assembly import assemble
from services.reports.documents.models import Report, ReportFile
from services.reports.documents.render import render
from services.tests.books import EACH_EFFECT_ONCE, counted
from services.tests.chaos.disks import filled, small_disk
from services.tests.chaos.servers import PostgresServer
from services.tests.chaos.stage import Stage
from services.tests.processes import wait_until
from services.tests.test_pipeline import fetch_now

pytestmark = [pytest.mark.chaos, pytest.mark.parametrize("bus_url", ["postgres"], indirect=True)]


@pytest.fixture
def disk_of_files(private_postgres: PostgresServer) -> Iterator[Path]:
    """Give the disk that the files of reports are kept on, and nothing else is."""
    with small_disk(megabytes=4) as disk, psycopg.connect(private_postgres.url, autocommit=True) as owner:
        private_postgres.keep_on(owner, table="reports.report_file", folder=disk / "files")
        try:
            yield disk
        finally:
            private_postgres.keep_as_before(owner, table="reports.report_file")


def test_a_report_for_which_there_is_no_room_is_stored_whole_once_there_is(
    database_stage: Stage, disk_of_files: Path, cause: object
) -> None:
    stage = database_stage
    fetch_now()

    with filled(disk_of_files):
        worker = stage.start()
        worker.wait_until_it_says("No space left on device")
        assert stage.owner.execute("SELECT count(*) FROM reports.report_file").fetchone() == (0,)
        assert counted(stage.owner)["reports.rendered"] == 0
    wait_until(lambda: counted(stage.owner)["reports.rendered"] == 1, saying="the report")
    stage.settle()

    assert counted(stage.owner) == EACH_EFFECT_ONCE
    assert stored_files() == files_rendered_again()
    stage.check()


def stored_files() -> dict[str, str]:
    """Return the hash of each file of the report by its form, as the bytes that are stored have it."""
    kept = {
        hashlib.sha256(bytes(file.body)).hexdigest() for file in ReportFile.objects.using("reports").all()
    }
    named: dict[str, str] = Report.objects.using("reports").get().files or {}
    assert set(named.values()) == kept
    return named


def files_rendered_again() -> dict[str, str]:
    """Return the hashes of the files that the same report is rendered to here."""
    report = Report.objects.using("reports").get()
    rendered = render(
        assemble(
            run_id=report.run_id,
            forecast_id=report.forecast_id,
            backfill_id=report.backfill_id,
            symbol=report.symbol,
            data_version=report.data_version,
            held_change_ids=[],
        )
    )
    bodies = {"pdf": rendered.pdf_bytes, "json": rendered.json_bytes, "png": rendered.png_bytes}
    return {form: hashlib.sha256(body).hexdigest() for form, body in bodies.items()}
