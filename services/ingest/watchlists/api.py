"""Watch lists over HTTP, shared by all who have a token."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.validators import validate_slug
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.providers.registry import AUTO, provider_names
from services.ingest.watchlists.domain import MOST_SYMBOLS
from services.ingest.watchlists.selectors import freshness_of, watch_list_named, watch_lists
from services.ingest.watchlists.services import delete_watch_list, save_watch_list
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, StrictSerializer, Switch, SymbolField, Text
from shared.http.operations import Operation
from shared.http.pagination import Page, PageQuery, page_of

LONGEST_NAME = 40


class Freshness(serializers.Serializer[Any]):
    """How fresh a symbol is.

    `behind_sessions` counts the final sessions after `last_session`; both are null without prices. `refresh_at`
    is when it is refreshed at the soonest, for `reason`; null while it is fetched, or when it is left alone.
    A symbol that was renamed is refreshed and `stored_as` what it is called now.
    """

    symbol = serializers.CharField()
    stored_as = serializers.CharField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    behind_sessions = serializers.IntegerField(allow_null=True)
    refresh_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class WatchList(serializers.Serializer[Any]):
    """Symbols that are refreshed after each session while the list is `active`."""

    name = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    provider = serializers.CharField()
    active = serializers.BooleanField()
    freshness = Freshness(many=True, read_only=True, default=())  # of all rows at once
    created_at = serializers.DateTimeField()
    saved_at = serializers.DateTimeField()


class WatchListBody(StrictSerializer):
    """What a watch list holds."""

    example = {"symbols": ["AAPL", "MSFT"]}

    symbols = serializers.ListField(
        child=SymbolField(), min_length=1, max_length=MOST_SYMBOLS, help_text="In this order, each once"
    )
    provider = Choice(provider_names(), default=AUTO, help_text="Who is asked; `auto` is whoever is ready")
    active = Switch(default=True, help_text="Whether its symbols are refreshed by themselves")


class ListWatchLists(Revalidated):
    """List the watch lists, each with how fresh its symbols are."""

    class Query(PageQuery):
        """Which page of them."""

    class Output(Page):
        """A page of watch lists."""

        results = WatchList(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        answer = page_of(self, self.Output, watch_lists(), ordering=("name",))
        _add_freshness(answer.data["results"], now=timezone.now())
        return answer


class CreateWatchList(Operation):
    """Make a watch list: its symbols are refreshed after each session, as far as the provider's quota goes."""

    class Input(WatchListBody):
        """The new list."""

        example = {"name": "large", "symbols": ["AAPL", "MSFT"]}

        name = Text(
            max_length=LONGEST_NAME,
            validators=[validate_slug],
            trim_whitespace=False,
            help_text="Letters, digits, `-` and `_`",
        )

    Output = WatchList
    successes = (201,)
    problems = (409,)

    def post(self, request: Request) -> Response:
        """Make it."""
        body, now = self.body(), timezone.now()
        save_watch_list(**body, now=now, is_new=True)
        location = reverse("watchlist", args=[body["name"]])
        return Response(_shown(body["name"], now=now), 201, headers={"Location": location})


class ShowWatchList(Revalidated):
    """Show a watch list and how fresh its symbols are."""

    Output = WatchList
    problems = (404,)

    def get(self, request: Request, name: str) -> Response:
        """Show it."""
        return Response(_shown(name, now=timezone.now()))


class ReplaceWatchList(Operation):
    """Replace what a watch list holds; symbols that were left alone are tried anew."""

    class Input(WatchListBody):
        """What it is to hold."""

    Output = WatchList
    problems = (404,)

    def put(self, request: Request, name: str) -> Response:
        """Replace it."""
        body, now = self.body(), timezone.now()
        save_watch_list(name=name, **body, now=now, is_new=False)
        return Response(_shown(name, now=now))


class DeleteWatchList(Operation):
    """Delete a watch list; the prices of its symbols stay."""

    Output = OpenApiTypes.NONE
    successes = (204,)
    problems = (404,)

    def delete(self, request: Request, name: str) -> Response:
        """Delete it."""
        delete_watch_list(name=name, now=timezone.now())
        return Response(status=204)


def _shown(name: str, *, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = WatchList(watch_list_named(name)).data
    _add_freshness([row], now=now)
    return row


def _add_freshness(rows: Sequence[dict[str, Any]], *, now: datetime) -> None:
    found = freshness_of({symbol for row in rows for symbol in row["symbols"]}, now=now)
    for row in rows:
        row["freshness"] = Freshness([found[symbol] for symbol in row["symbols"]], many=True).data
