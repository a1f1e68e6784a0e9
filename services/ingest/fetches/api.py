"""Fetches over HTTP."""

from functools import partial
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.fetches.selectors import fetch_by_id, fetches
from services.ingest.fetches.services import cancel_fetch, request_fetch
from services.ingest.providers.registry import AUTO, provider_names
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, DateRange, SymbolField
from shared.http.operations import Operation, started
from shared.http.pagination import Page, WorkQuery, page_of
from shared.http.problems import ProblemField

PROVIDER_HELP = "`auto` asks whoever is ready, in the order of the history plan; `bundled` needs no key"
STATUSES = ("queued", "running", "waiting_quota", "succeeded", "partial", "failed", "refused", "cancelled")


class Source(serializers.Serializer[Any]):
    """Who answered, and with which sessions."""

    provider = serializers.CharField()
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    bar_count = serializers.IntegerField()


class Rejected(serializers.Serializer[Any]):
    """A row that cannot be true, and why."""

    provider = serializers.CharField()
    line = serializers.IntegerField()
    reason = serializers.CharField()
    text = serializers.CharField()


class Disagreement(serializers.Serializer[Any]):
    """A close, split or dividend that another provider tells otherwise; what was held stays."""

    kind = Choice(("close", "split", "dividend"))
    session = serializers.DateField()
    held = serializers.CharField()
    told = serializers.CharField()
    difference_bps = serializers.CharField()


class Fetch(serializers.Serializer[Any]):
    """One question to the providers and what came of it.

    `partial` means that an end of the asked range is missing, for `reason`; `inner_gaps` are sessions without a
    bar. While it waits for a provider's quota, `resumes_at` says when it goes on, and `error` why it waits or is
    tried again. `added_count` sessions are new, `corrected_count` came back different, and
    `actions_changed_count` rows of splits and dividends changed. Rows that cannot be true are left out and counted; sessions that another provider told stay as
    they are (`kept_count`), and their closes are compared. Changes that look wrong wait for an operator under
    `quarantine_id`.
    """

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    provider = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    with_actions = serializers.BooleanField()
    requested_because = serializers.CharField(allow_null=True)
    status = Choice(STATUSES, source="live_state")
    resumes_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    changed = serializers.BooleanField(allow_null=True)
    added_count = serializers.IntegerField(allow_null=True)
    corrected_count = serializers.IntegerField(allow_null=True)
    actions_changed_count = serializers.IntegerField(allow_null=True)
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    bar_count = serializers.IntegerField(allow_null=True)
    missing_before = serializers.DateField(allow_null=True)
    missing_after = serializers.DateField(allow_null=True)
    inner_gaps = serializers.ListField(child=serializers.DateField(), allow_null=True)
    reason = serializers.CharField(allow_null=True)
    sources = Source(many=True, allow_null=True)
    rejected_count = serializers.IntegerField(allow_null=True)
    rejected = Rejected(many=True, allow_null=True)
    provisional_session = serializers.DateField(allow_null=True)
    kept_count = serializers.IntegerField(allow_null=True)
    compared_count = serializers.IntegerField(allow_null=True)
    disagreeing_count = serializers.IntegerField(allow_null=True)
    disagreements = Disagreement(many=True, allow_null=True)
    quarantine_id = serializers.UUIDField(allow_null=True)
    quarantined_count = serializers.IntegerField(allow_null=True)
    error = ProblemField(allow_null=True, source="live_problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RequestFetch(Operation):
    """Fetch the prices of a symbol.

    The answer names the fetch to look at; while the symbol is being fetched already, that is the one under
    way.
    """

    class Input(DateRange):
        """What to fetch; without dates, all that the provider has."""

        example = {"symbol": "AAPL"}

        symbol = SymbolField()
        provider = Choice(provider_names(), default=AUTO, help_text=PROVIDER_HELP)

    Output = Fetch
    successes = (200, 201, 202)
    problems = (404, 409)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        asked = {"start": None, "end": None, **self.body()}
        fetch_id, now = self.new_id(), timezone.now()
        try:
            request_fetch(fetch_id=fetch_id, now=now, **asked)
        except StreamConflict:
            pass  # this very request made it, before it broke down
        except JobAlreadyOpen as under_way:
            fetch_id = UUID(under_way.extra["job_id"])
        fetch = self.wait_for(partial(fetch_by_id, fetch_id))
        return started(
            Fetch(fetch).data,
            location=reverse("fetch", args=[fetch_id]),
            state=fetch.state,
            is_new=fetch.created_at == now,
        )


class ListFetches(Revalidated):
    """List fetches, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the fetch is")

    class Output(Page):
        """A page of fetches."""

        results = Fetch(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, fetches())


class ShowFetch(Revalidated):
    """Show one fetch: how far it is and, once it ended, what came of it."""

    Output = Fetch
    problems = (404,)

    def get(self, request: Request, fetch_id: UUID) -> Response:
        """Show it."""
        return Response(Fetch(fetch_by_id(fetch_id)).data)


class CancelFetch(Operation):
    """Cancel a fetch that no worker has begun."""

    Output = Fetch
    problems = (404, 409)

    def delete(self, request: Request, fetch_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_fetch(fetch_id=fetch_id)
        return Response(Fetch(fetch_by_id(fetch_id)).data)
