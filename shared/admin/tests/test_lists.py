"""Lists of any size: how they count, search and filter."""

from uuid import uuid4

import psycopg
import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.models import CompositePrimaryKey, IntegerField, Model

from shared.admin.lists import COUNTED_ROWS, EstimatingPaginator, search
from shared.admin.per_service import model_in
from shared.admin.records import RecordAdmin
from shared.eventstore.models import Event, Job

JOBS = model_in("reports", Job)


@pytest.fixture
def jobs(db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO reports.job (id, kind, key, payload, state, attempts, fence, correlation_id)"
        " SELECT gen_random_uuid(), 'report', 'K' || n, '{}', 'succeeded', 1, 1, gen_random_uuid()"
        " FROM generate_series(1, %s) n",
        [COUNTED_ROWS * 3],
    )
    db.execute("ANALYZE reports.job")


@pytest.mark.usefixtures("jobs")
def test_few_rows_are_counted_and_many_estimated() -> None:
    rows = JOBS.objects.order_by("id")

    assert EstimatingPaginator(rows.filter(key="K7"), 50).count == 1
    assert EstimatingPaginator(rows.filter(key__in=[f"K{n}" for n in range(1, 1001)]), 50).count == 1000
    assert COUNTED_ROWS < EstimatingPaginator(rows, 50).count < COUNTED_ROWS * 4
    assert len(EstimatingPaginator(rows, 50).page(2).object_list) == 50


@pytest.mark.usefixtures("jobs")
def test_a_search_finds_by_a_whole_id_or_by_how_a_text_begins() -> None:
    job, rows = JOBS.objects.get(key="K123"), JOBS.objects.all()

    assert list(search(rows, ("id", "key"), f" {job.id} ")) == [job]
    assert search(rows, ("id", "key"), "K1234").count() == 11
    assert search(rows, ("id", "=key"), "K1234").count() == 1
    assert search(rows, ("id",), "K1234").count() == 0
    assert search(rows, ("id", "key"), str(uuid4())).count() == 0
    assert search(rows, ("id", "key"), "%").count() == 0
    assert search(rows, ("id", "key"), "").count() == COUNTED_ROWS * 3


@pytest.mark.usefixtures("db")
def test_an_event_is_found_through_an_index_by_whatever_it_is_searched() -> None:
    rows = model_in("analytics", Event).objects.all()
    with connections["analytics"].cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")  # an empty table is read whole, if it may be

    for text in (str(uuid4()), "instrument-AAPL"):
        plan = search(rows, ("event_id", "correlation_id", "=stream"), text).explain()
        assert "Index" in plan, plan


def test_a_table_of_every_service_is_shown_from_the_schema_of_one() -> None:
    found = [model_in(service, Event) for service in ("ingest", "analytics", "reports")]

    assert [model.objects.all().db for model in found] == ["ingest", "analytics", "reports"]
    assert model_in("ingest", Event) is found[0]
    assert {model._meta.concrete_model for model in found} == {Event}


def test_a_model_with_a_composite_key_has_a_list_and_no_page_of_a_row() -> None:
    class Pair(Model):
        pk = CompositePrimaryKey("left", "right")
        left = IntegerField()
        right = IntegerField()

        class Meta:
            app_label = "admin_pairs"

    with pytest.raises(ImproperlyConfigured):
        admin.AdminSite().register(Pair, RecordAdmin)
    urls = RecordAdmin(Pair, admin.site).get_urls()

    assert [url.name for url in urls] == ["admin_pairs_pair_changelist"]
