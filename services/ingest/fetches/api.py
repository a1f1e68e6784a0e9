"""Fetches over HTTP."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from uuid6 import uuid7

from services.ingest.fetches.selectors import fetch_by_id, fetches
from services.ingest.fetches.services import request_fetch
from services.ingest.providers.registry import provider_names
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.fields import Choice, DateRange, SymbolField
from shared.http.operations import Operation, started
from shared.http.pagination import Page, PageQuery, page_of
from shared.http.problems import ProblemField

STATES = ("queued", "running", "waiting_quota", "succeeded", "partial", "failed", "refused", "cancelled")


class Fetch(serializers.Serializer[Any]):
    """One question to a provider and what came of it.

    `partial` means that an end of the asked range is missing; `inner_gaps` are sessions without a bar.
    """

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    provider = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    state = Choice(STATES, source="live_state")
    version = serializers.IntegerField(allow_null=True)
    changed = serializers.BooleanField(allow_null=True)
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    bar_count = serializers.IntegerField(allow_null=True)
    missing_before = serializers.DateField(allow_null=True)
    missing_after = serializers.DateField(allow_null=True)
    inner_gaps = serializers.ListField(child=serializers.DateField(), allow_null=True)
    problem = ProblemField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RequestFetch(Operation):
    """Fetch the prices of a symbol.

    The answer names the fetch to look at; while the symbol is being fetched already, that is the one under
    way.
    """

    class Input(DateRange):
        """What to fetch; without dates, all that the provider has."""

        symbol = SymbolField()
        provider = Choice(provider_names(), default="bundled")

    Output = Fetch
    successes = (202,)
    problems = (404, 409)

    def post(self, request: Request) -> Response:
        """Queue it."""
        asked = {"start": None, "end": None, **self.body()}
        fetch_id = UUID(str(uuid7()))
        try:
            request_fetch(fetch_id=fetch_id, now=timezone.now(), **asked)
        except JobAlreadyOpen as under_way:
            if under_way.extra["job_id"] is None:  # it ended at this very moment: the caller may ask again
                raise
            fetch_id = UUID(under_way.extra["job_id"])
        fetch = fetch_by_id(fetch_id)
        return started(Fetch(fetch).data, location=reverse("fetch", args=[fetch_id]), state="queued")


class ListFetches(Operation):
    """List fetches, newest first."""

    class Query(PageQuery):
        """Which of them."""

        symbol = SymbolField(required=False)
        state = Choice(STATES, required=False)

    class Output(Page):
        """A page of fetches."""

        results = Fetch(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(
            self, self.Output, fetches(symbol=self.query.get("symbol"), state=self.query.get("state"))
        )


class ShowFetch(Operation):
    """Show one fetch."""

    Output = Fetch
    problems = (404,)

    def get(self, request: Request, fetch_id: UUID) -> Response:
        """Show it."""
        return Response(Fetch(fetch_by_id(fetch_id)).data)
