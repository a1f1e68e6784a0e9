"""The admin pages of the embedded system on real rows: every model, every row, every link."""

import os
import re
from collections.abc import Iterator
from html import unescape
from importlib import import_module
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote as quoted_key
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections, transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conftest import empty
from services.ingest.fetches.services import request_fetch
from services.tests.market_history import ask_a_vendor, hold_back_a_change, keep_a_watch_list
from services.tests.pipeline import drain_everything
from services.tests.searches import sweep_a_grid, walk_forward
from shared.admin.per_service import model_in
from shared.eventstore.models import Event, Job, Parked, StreamPosition
from shared.eventstore.parked import park
from shared.http.models import KeyedRequest, RateWindow
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import User
from shared.identity.tokens import issue_token
from shared.observability.correlation import Cause, caused_by
from shared.settings.databases import IN_EVERY_SERVICE, SERVICES

import_module("deploy.local.urls")  # finds the pages
MODELS = list(admin.site._registry)
# Nobody has a right through a group, since only superusers get in, and a content type names a class.
USELESS_HERE = {Group, Permission, ContentType}
WITHOUT_ROWS = {
    "admin.logentry",
    "identity.loginattempt",
    "ingest.inbox",
    "ingest.streamposition",
    *(f"{service}.attempt" for service in SERVICES),
}
# The pages of a service's own record are the same for each service.
ONE_OF_EACH = [model for model in MODELS if model._meta.app_label not in {"analytics", "reports"}]
ODD_INPUTS = (
    "AAPL\x00",
    "🔔",
    "A" * 5000,
    "9" * 5000,
    "'\";--%_\\",
    str(uuid4()),
    "  ",
    "\udc80",
)

ODD_BODIES = (
    b"\xffno event",
    b'{"half": "\\ud800"}',
    b"[" * 100_000,
    b"9" * 5000,
    b'{"<script>": "' + b"x" * 99 + b'"}',
)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def site(owner: psycopg.Connection) -> Iterator[Client]:
    """Give a superuser's browser on a system that has done its main job once."""
    request_id = uuid4()
    with caused_by(Cause(request_id)):
        request_fetch(
            fetch_id=uuid4(), symbol="AAPL", provider="bundled", start=None, end=None, now=timezone.now()
        )
        drain_everything()
        sweep_a_grid("AAPL")
        walk_forward("AAPL")
        drain_everything()
        hold_back_a_change()
        keep_a_watch_list()
        ask_a_vendor()
    for service in SERVICES:
        for body in ODD_BODIES:
            park(service, body=body, envelope=None, slug="malformed-event", detail=SCRIPT, attempts=1)
        KeyedRequest.objects.using(service).create(
            caller="x", route="POST /", key="k", request_hash=b"0" * 32, body=b"an answer of somebody"
        )
        RateWindow.objects.using(service).create(caller="somebody", minute=1, count=2)
    with transaction.atomic(using="identity"):
        user = User.objects.using("identity").create(username="operator", is_superuser=True)
        session = issue_token(user=user, secret=os.urandom(32), kind="session")
    client = Client()
    client.cookies[SESSION_COOKIE] = session.text
    yield client
    connections.close_all()
    empty(owner)


def address_of(row: Model) -> str:
    return f"{list_of(type(row))}{quoted_key(row.pk)}/change/"


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def in_address(text: str) -> str:
    return quote(text, errors="surrogateescape")


def links_of(page: str) -> set[str]:
    return {unescape(found) for found in re.findall(r'<a [^>]*href="(/admin/[^"]*)"', page)}


def test_every_model_is_shown() -> None:
    found = [model for model in apps.get_models() if not model._meta.proxy]
    everywhere = [model for model in found if model._meta.app_label in IN_EVERY_SERVICE]

    expected = {model for model in found if model not in everywhere}
    expected |= {model_in(service, model) for service in SERVICES for model in everywhere}
    assert {Event, Parked, StreamPosition, KeyedRequest} <= set(everywhere)
    assert expected - USELESS_HERE == set(MODELS)


def test_django_has_nothing_to_say_against_any_page() -> None:
    assert [found for pages in admin.site._registry.values() for found in pages.check()] == []


def test_the_admin_asks_for_no_migrations(site: Client) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_index_names_every_list_in_the_order_of_the_services(site: Client) -> None:
    page = site.get("/admin/").content.decode()

    assert [model for model in MODELS if list_of(model) not in page] == []
    places = [
        page.index(f">{name}</a>") for name in ("Ingest: market", "Ingest", "Reports: documents", "Reports")
    ]
    assert places == sorted(places)


def test_every_list_answers_with_its_rows_and_a_search(site: Client) -> None:
    found = {}
    for model in MODELS:
        response = site.get(list_of(model))
        assert response.status_code == 200, model
        assert 'name="q"' in response.content.decode(), model
        found[model._meta.label_lower] = response.context["cl"].result_count

    assert {label for label, count in found.items() if count == 0} == WITHOUT_ROWS
    assert found["ingest_sessions.session"] > 10_000, "beyond what is counted, an estimate"


def test_every_link_of_every_page_answers(site: Client) -> None:
    waiting, seen, per_kind = ["/admin/"], {"/admin/"}, dict[str, int]()
    while waiting:
        address = waiting.pop()
        response = site.get(address, follow=True)
        assert response.status_code == 200, address
        for link in links_of(response.content.decode()) - seen:
            kind = re.sub(r"[0-9a-f-]{36}|[0-9a-f]{64}|=[^&]*|/[^/]+/change/", "*", link)
            per_kind[kind] = per_kind.get(kind, 0) + 1
            if per_kind[kind] <= 2:
                seen.add(link)
                waiting.append(link)

    pages = {link.split("/")[2] + "." + link.split("/")[3] for link in seen if link.endswith("/change/")}
    keyed = {model._meta.label_lower for model in MODELS if not model._meta.is_composite_pk}
    assert keyed - pages == WITHOUT_ROWS - {"ingest.streamposition"}


def test_the_chain_leads_from_a_fetch_to_its_report(site: Client) -> None:
    def first(page: str, pattern: str) -> str:
        address = next(link for link in sorted(links_of(page)) if re.search(pattern, link))
        return site.get(address).content.decode()

    fetch = first(site.get("/admin/ingest_fetches/fetch/?provider=bundled").content.decode(), "/change/")
    instrument = first(fetch, "instrument/AAPL/change/")
    runs = first(instrument, r"run/\?symbol=AAPL")
    run = first(runs, "backtests/run/.*/change/")
    report = first(first(run, r"report/\?run_id="), "report/.*/change/")
    first(report, "forecast/.*/change/")
    event = first(first(report, r"reports/event/\?correlation_id="), "event/.*/change/")

    assert "FetchCompleted" in event
    assert "BacktestCompleted" in event
    assert "ReportRendered" in event


def test_whatever_is_searched_or_asked_of_a_list_there_is_an_answer(site: Client) -> None:
    parameters = (
        "q",
        "p",
        "o",
        "all",
        "e",
        "symbol",
        "id",
        "created_at__year",
        "created_at__gte",
        "unknown__x",
    )
    answers = {}
    for model in ONE_OF_EACH:
        for name in parameters:
            for text in ODD_INPUTS if name == "q" else ODD_INPUTS[:1]:
                address = f"{list_of(model)}?{name}={in_address(text)}"
                answers[model._meta.label, name, text[:9]] = site.get(address).status_code

    assert {asked: status for asked, status in answers.items() if status not in {200, 302, 400}} == {}
    assert all(status in {200, 302} for (_, name, _), status in answers.items() if name == "q")


@pytest.mark.parametrize("year", ["0", "99999"])
def test_a_year_that_no_date_has_leads_to_the_list_without_it(site: Client, year: str) -> None:
    for service in SERVICES:
        jobs = list_of(model_in(service, Job))
        assert site.get(f"{jobs}?created_at__year={year}")["Location"] == f"{jobs}?e=1"


def test_a_row_that_does_not_exist_is_said_to_be_missing(site: Client) -> None:
    for model in ONE_OF_EACH:
        for text in ODD_INPUTS:
            response = site.get(f"{list_of(model)}{in_address(text)}/change/")
            assert response.status_code in {302, 404}, (model, text)


def test_no_page_changes_a_record(site: Client) -> None:
    allowed = {}
    for model in set(MODELS) - {User}:
        row = model._default_manager.first()
        own = ["add/", *([f"{quote(str(row.pk))}/change/", f"{quote(str(row.pk))}/delete/"] if row else [])]
        for page in own:
            status = site.post(f"{list_of(model)}{page}", {"symbol": "X"}).status_code
            if status != (404 if model._meta.is_composite_pk else 403):
                allowed[model, page] = status

    assert allowed == {}
    assert site.get("/admin/identity/user/add/").status_code == 200
    assert site.post("/admin/identity/user/1/delete/").status_code == 403


def test_every_parked_body_is_shown_and_none_is_run(site: Client) -> None:
    for row in model_in("reports", Parked).objects.all():
        page = site.get(address_of(row))
        assert page.status_code == 200, row.body
        assert page.content.count(b"<script>") == 0
    assert SCRIPT not in site.get(list_of(model_in("reports", Parked))).content.decode()


def test_what_users_sent_and_the_keys_to_their_accounts_are_not_shown(site: Client) -> None:
    pages = [
        site.get(f"{list_of(model)}{model._default_manager.get().pk}/change/").content.decode()
        for model in (model_in("ingest", KeyedRequest),)
    ]
    digest = User.objects.using("identity").get().tokens.get().digest
    pages.append(site.get("/admin/identity/token/1/change/").content.decode())

    assert not any("an answer of somebody" in page for page in pages)
    assert not any(bytes(digest).hex() in page or str(bytes(digest)) in page for page in pages)
    assert "digest" not in pages[-1].lower()
