"""Indexes over HTTP: their members on any day that is covered, and their changes."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.indexes import models
from services.ingest.indexes.domain import DATA_VERSION, index_named, indexes, resolve_symbol
from services.ingest.indexes.selectors import changes_of, member_counts, members_of, stored_names
from shared.http.conditional import Revalidated
from shared.http.fields import DateRange, SessionDate, StrictSerializer, WholeNumber
from shared.http.pagination import CURSOR_HELP, Page, paged, series_page


class Index(serializers.Serializer[Any]):
    """An index, and of which days its members are known.

    `member_count` is that of `last_date`. `version` names the data, which only a new release changes.
    """

    name = serializers.CharField()
    title = serializers.CharField()
    first_date = serializers.DateField()
    last_date = serializers.DateField()
    member_count = serializers.IntegerField()
    attribution = serializers.CharField()
    licence = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField()


class Member(serializers.Serializer[Any]):
    """A stay in an index.

    `symbol` is the name on the day, `current_symbol` the one now. `start_date` is the first day, or the first
    that is covered; `end_date` the first day outside, null while it lasts. `stored_as` is the name under which
    prices are stored, null without any.
    """

    symbol = serializers.CharField()
    current_symbol = serializers.CharField()
    start_date = serializers.DateField()
    end_date = serializers.DateField(allow_null=True)
    stored_as = serializers.CharField(allow_null=True)


class DayOfChanges(serializers.Serializer[Any]):
    """The symbols that came into an index, and left it, before the open of one day."""

    date = serializers.DateField()
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())


class ListIndexes(Revalidated):
    """List the indexes whose members are known, with source and licence of the data."""

    class Output(serializers.Serializer[Any]):
        """All indexes."""

        results = Index(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        counts = member_counts()
        rows = [
            {
                "name": index.name,
                "title": index.title,
                "first_date": index.first_date,
                "last_date": index.last_date,
                "attribution": index.attribution,
                "licence": index.licence,
                "notes": index.notes,
                "member_count": counts[index.name],
                "version": DATA_VERSION,
            }
            for index in indexes().values()
        ]
        return Response(self.Output({"results": rows}).data)


class ListMembers(Revalidated):
    """List the members of an index on a day, by symbol.

    Without `on` that is today. After the last day that is covered its members are shown, under that day.
    """

    class Query(StrictSerializer):
        """On which day."""

        on = SessionDate(
            required=False,
            help_text="The day, else today; after the last day that is covered, that one is shown",
        )

    class Output(serializers.Serializer[Any]):
        """All members on that day."""

        index = serializers.CharField()
        on = serializers.DateField()
        attribution = serializers.CharField()
        licence = serializers.CharField()
        member_count = serializers.IntegerField()
        results = Member(many=True)

    problems = (404,)

    def get(self, request: Request, index: str) -> Response:
        """List them."""
        found = index_named(index)
        on = min(self.query.get("on") or timezone.now().date(), found.last_date)
        members = members_of(index, on=on)
        facts = {"index": index, "on": on, "attribution": found.attribution, "licence": found.licence}
        rows = _rows(members)
        return Response(self.Output({**facts, "member_count": len(rows), "results": rows}).data)


class ListChanges(Revalidated):
    """List the days on which an index changed, oldest first."""

    class Query(DateRange):
        """Which of them."""

        limit = WholeNumber(min_value=1, max_value=10_000, default=1000, help_text="Most days of the page")
        cursor = serializers.CharField(required=False, max_length=1000, help_text=CURSOR_HELP)

    class Output(Page):
        """A page of days."""

        results = DayOfChanges(many=True)

    problems = (404,)

    def get(self, request: Request, index: str) -> Response:
        """List them."""
        days = changes_of(index)
        page, links = series_page(self, [day.date for day in days])
        return paged(self.Output({"results": days[page], **links}).data, links)


def _rows(members: Iterable[models.IndexMembership]) -> list[dict[str, Any]]:
    members = list(members)
    named_on = {member.symbol: member.start_date for member in members}
    stored = stored_names(named_on, named_on=named_on)
    return [
        {
            "symbol": member.symbol,
            "current_symbol": resolve_symbol(member.symbol, named_on=member.start_date),
            "start_date": member.start_date,
            "end_date": member.end_date,
            "stored_as": stored.get(member.symbol),
        }
        for member in members
    ]
