"""A report shows which changes of its prices wait for an operator, as they did when it was asked for."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from services.ingest.quarantine.models import Quarantine
from services.ingest.quarantine.services import dismiss_change
from services.reports.documents.assembly import assemble
from services.reports.documents.models import Report
from services.reports.documents.render import render
from services.reports.documents.selectors import file_of, report_by_id, work_on_newest_prices
from services.reports.documents.services import renew_report, start_report
from services.tests.market_history import BUNDLED, hold_back_a_change, import_lines
from services.tests.pipeline import drain_everything
from shared.eventstore.models import Job
from shared.http.tests.api_client import ApiClient

pytestmark = pytest.mark.usefixtures("db", "cause")


def renewed() -> Report:
    renew_report(symbol="HELD", now=timezone.now())
    drain_everything()
    found = work_on_newest_prices("HELD")
    assert isinstance(found, Report)
    return found


def document_of(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file_of(report, "json"))["document"]
    return found


def before_and_after() -> tuple[Report, Report]:
    """Return the report on prices, and the one after a change of them was held back."""
    import_lines("HELD", (BUNDLED / "AAPL.csv").read_text().splitlines())
    drain_everything()
    before = renewed()
    hold_back_a_change()
    return before, renewed()


def test_a_change_that_waits_is_shown_by_a_report_of_its_own(token: str) -> None:
    before, after = before_and_after()

    [change] = document_of(after)["held_changes"]
    assert (change["provider"], change["row_count"]) == ("csv", 7)
    assert "waits for your decision and is not applied: bellwether quarantine list" in change["text"]
    assert document_of(before)["held_changes"] == []
    assert (before.data_version, before.id != after.id) == (after.data_version, True)
    assert after.document_hash != before.document_hash
    shown = ApiClient(token).show("/report/HELD/?format=json")
    assert (shown["hash"], shown["document"]["held_changes"]) == (after.document_hash, [change])


def test_the_same_changes_have_one_report_and_after_the_decision_it_is_the_former() -> None:
    before, after = before_and_after()

    assert renewed().id == start_report(symbol="HELD", now=timezone.now()) == after.id
    [waiting] = Quarantine.objects.using("ingest").filter(state="open")
    dismiss_change(quarantine_id=waiting.id, decided_by="anna", now=timezone.now())

    assert renewed().id == before.id
    assert Report.objects.using("reports").filter(symbol="HELD").count() == 2


def test_a_report_is_rendered_again_to_the_byte_after_the_decision() -> None:
    _, after = before_and_after()
    [waiting] = Quarantine.objects.using("ingest").filter(state="open")
    dismiss_change(quarantine_id=waiting.id, decided_by="anna", now=timezone.now())

    job = Job.objects.using("reports").get(key=str(after.id))
    again = render(
        assemble(
            run_id=after.run_id,
            forecast_id=after.forecast_id,
            backfill_id=after.backfill_id,
            symbol=after.symbol,
            data_version=after.data_version,
            held_change_ids=[UUID(name) for name in job.payload["held_change_ids"]],
        )
    )

    assert again.hash == after.document_hash
    assert again.pdf_bytes == file_of(report_by_id(after.id), "pdf")
