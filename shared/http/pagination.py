"""Lists by pages: stable while rows are added."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from shared.http.fields import DateRange, SessionDate, StrictSerializer, WholeNumber
from shared.http.operations import Operation

NEWEST_FIRST = ("-created_at", "-id")


class PageQuery(StrictSerializer):
    """Which page of a list."""

    limit = WholeNumber(min_value=1, max_value=1000, default=50)
    cursor = serializers.CharField(
        required=False, max_length=1000, help_text="Taken from `next` or `previous`"
    )


class Page(serializers.Serializer[Any]):
    """One page of a list; `next` and `previous` are whole addresses, null at the ends."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SeriesQuery(DateRange):
    """Which page of a series of sessions."""

    limit = WholeNumber(min_value=1, max_value=10_000, default=1000)
    cursor = SessionDate(
        required=False, help_text="First session of the page; taken from `next` or `previous`"
    )


def page_of(
    operation: Operation, output: type[Page], rows: QuerySet[Any], *, ordering: tuple[str, ...] = NEWEST_FIRST
) -> Response:
    """Return the page of `rows` that the operation's query names, in the shape of `output`."""
    pages = _SignedCursorPages(ordering)
    found = pages.paginate_queryset(rows, operation.request, view=operation)
    body = {"results": found, "next": pages.get_next_link(), "previous": pages.get_previous_link()}
    return Response(output(body).data)


def series_page(
    request: Request, sessions: Sequence[date], query: Mapping[str, Any], **pinned: Any
) -> tuple[slice, dict[str, str | None]]:
    """Return which of the ascending `sessions` make the page of a SeriesQuery, and the links to its neighbours.

    `pinned` are parameters that the links carry, so that all pages are of one version.
    """
    limit: int = query["limit"]
    start = bisect_left(sessions, query.get("start", date.min))
    end = bisect_right(sessions, query.get("end", date.max))
    first = max(start, bisect_left(sessions, query.get("cursor", date.min)))
    behind = max(first, min(first + limit, end))

    def link(position: int) -> str:
        url = request.build_absolute_uri()
        for name, value in {**pinned, "cursor": sessions[position]}.items():
            url = replace_query_param(url, name, value)
        return url

    return slice(first, behind), {
        "next": link(behind) if behind < end else None,
        "previous": link(max(start, first - limit)) if start < first < len(sessions) else None,
    }


class _SignedCursorPages(CursorPagination):
    """Cursors are signed: whoever makes one up is told so, and none reaches the database unchecked."""

    def __init__(self, ordering: tuple[str, ...]) -> None:
        self._order = ordering
        self._salt = ",".join(ordering)

    def get_page_size(self, request: Request) -> int:
        limit: int = request.parser_context["view"].query["limit"]
        return limit

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return self._order

    def encode_cursor(self, cursor: Cursor) -> str:
        return replace_query_param(str(self.base_url), "cursor", signing.dumps(list(cursor), salt=self._salt))

    def decode_cursor(self, request: Request) -> Cursor | None:
        text = request.query_params.get("cursor")
        if text is None:
            return None
        try:
            return Cursor(*signing.loads(text, salt=self._salt))
        except signing.BadSignature:
            raise ValidationError(
                {"cursor": "This is no cursor of this list."}, code="invalid_cursor"
            ) from None
