"""Lookups over HTTP."""

from functools import partial
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.lookups.domain import KINDS, subject_of
from services.ingest.lookups.selectors import lookup_by_id, lookups
from services.ingest.lookups.services import AnsweredToday, cancel_lookup, request_lookup
from services.ingest.providers.faults import UnknownLookup
from services.ingest.providers.registry import REMOTE_NAMES, remote_provider
from shared.errors import ValidationFailed
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, SessionDate, StrictSerializer, Switch, Text
from shared.http.operations import Operation, started
from shared.http.pagination import Page, WorkQuery, page_of
from shared.http.problems import ProblemField
from shared.symbols import InvalidSymbol

STATUSES = ("queued", "running", "waiting_quota", "succeeded", "failed", "refused", "cancelled")


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class Rows(serializers.JSONField):
    """The rows of an answer: what is in one depends on the kind."""


class Summary(serializers.Serializer[Any]):
    """One question to a provider that is not about daily prices."""

    id = serializers.UUIDField()
    provider = serializers.CharField()
    kind = Choice(KINDS)
    subject = serializers.CharField()
    on = serializers.DateField(allow_null=True)
    status = Choice(STATUSES, source="live_state")
    resumes_at = serializers.DateTimeField(allow_null=True)
    row_count = serializers.IntegerField(allow_null=True)
    error = ProblemField(allow_null=True, source="live_problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class Lookup(Summary):
    """A question with its answer: `results` has its rows, decimals as strings, once there is one."""

    results = Rows(allow_null=True)


class RequestLookup(Operation):
    """Ask a provider for a quote, a company's overview, weekly or monthly prices, or what matches some words.

    Calls are few, so the same is asked once a day (UTC) unless `fresh`; else the answer is the one of today, also
    when it was that the provider knows nothing of it.
    Weekly and monthly prices are for reading only: nothing is tested or forecast on them.
    """

    class Input(StrictSerializer):
        """What to ask."""

        example = {"kind": "search", "subject": "apple"}

        kind = Choice(KINDS)
        subject = Text(
            max_length=100,
            allow_blank=True,
            default="",
            help_text="A symbol; words for `search`; `active` or `delisted` for `listing`",
        )
        on = SessionDate(required=False, help_text="For `listing`: as of that day, 2010-01-01 or later")
        provider = Choice(REMOTE_NAMES, default=REMOTE_NAMES[0])
        fresh = Switch(default=False, help_text="Ask again even if today's answer is there")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            """Return the values. Raises ValidationError for a subject that a lookup of this kind cannot have."""
            kind, subject, on = attrs["kind"], attrs["subject"], attrs.get("on")
            try:
                remote_provider(attrs["provider"]).lookup_call(kind, subject_of(kind, subject), on)
            except UnknownLookup as error:
                raise serializers.ValidationError({"kind": error.detail}, code="not_of_provider") from None
            except (InvalidSymbol, ValidationFailed) as error:
                raise serializers.ValidationError({"subject": error.detail}, code="not_of_kind") from None
            return attrs

    Output = Lookup
    successes = (200, 201, 202)
    problems = (404, 409)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        asked = {"on": None, **self.body()}
        fresh = asked.pop("fresh")
        lookup_id, now = self.new_id(), timezone.now()
        try:
            request_lookup(lookup_id=lookup_id, now=now, once_a_day=not fresh, **asked)
        except StreamConflict:
            pass  # this very request made it, before it broke down
        except AnsweredToday as answered:
            lookup_id = UUID(answered.extra["lookup_id"])
        except JobAlreadyOpen as under_way:
            lookup_id = UUID(under_way.extra["job_id"])
        lookup = self.wait_for(partial(lookup_by_id, lookup_id))
        return started(
            Lookup(lookup).data,
            location=reverse("lookup", args=[lookup_id]),
            state=lookup.state,
            is_new=lookup.created_at == now,
        )


class ListLookups(Revalidated):
    """List lookups without their answers, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        symbol = None  # type: ignore[assignment]  # a subject need not be one
        kind = Choice(KINDS, required=False, help_text="What was asked")
        status = Choice(STATUSES, required=False, help_text="How far the lookup is")

    class Output(Page):
        """A page of lookups."""

        results = Summary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, lookups())


class ShowLookup(Revalidated):
    """Show one lookup with its answer."""

    Output = Lookup
    problems = (404,)

    def get(self, request: Request, lookup_id: UUID) -> Response:
        """Show it."""
        return Response(Lookup(lookup_by_id(lookup_id)).data)


class CancelLookup(Operation):
    """Cancel a lookup that no worker has begun."""

    Output = Lookup
    problems = (404, 409)

    def delete(self, request: Request, lookup_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_lookup(lookup_id=lookup_id)
        return Response(Lookup(lookup_by_id(lookup_id)).data)
