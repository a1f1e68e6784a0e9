"""Lists by pages: every row once and in order, also while rows are added."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from shared.http.fields import Choice, DateRange, SessionDate, StrictSerializer, Symbols, WholeNumber
from shared.http.operations import Operation

NEWEST_FIRST = ("-created_at", "-id")
SHAPES = ("rows", "columns")
CURSOR_HELP = "Taken from `next` or `previous` of a page of the same list"
_OF_THE_PAGE = {"limit", "cursor", "sort", "shape"}
_LOOKUPS = {
    "symbol": "symbol__in",
    "status": "live_state",
    "start": "created_at__date__gte",
    "end": "created_at__date__lte",
}
type Links = dict[str, str | None]


class PageQuery(StrictSerializer):
    """Which page of a list."""

    limit = WholeNumber(min_value=1, max_value=1000, default=50, help_text="Most rows of the page")
    cursor = serializers.CharField(required=False, max_length=1000, help_text=CURSOR_HELP)


class WorkQuery(PageQuery, DateRange):
    """Which pieces of work, and in which order; a list may add filters named as the columns they compare."""

    symbol = Symbols(required=False)
    start = SessionDate(required=False, help_text="First day of `created_at`, in UTC, included")
    end = SessionDate(required=False, help_text="Last day of `created_at`, in UTC, included")
    sort = Choice(("-created_at", "created_at"), default="-created_at", help_text="`-` is newest first")


class SeriesQuery(DateRange):
    """Which page of a series of sessions, and in which shape."""

    start = SessionDate(required=False, help_text="First session, included")
    end = SessionDate(required=False, help_text="Last session, included")
    limit = WholeNumber(min_value=1, max_value=10_000, default=1000, help_text="Most sessions of the page")
    cursor = serializers.CharField(required=False, max_length=1000, help_text=CURSOR_HELP)
    shape = Choice(
        SHAPES, default="rows", help_text="`columns`: parallel arrays of plain numbers, smaller and faster"
    )


class Page(serializers.Serializer[Any]):
    """One page of a list; `next` and `previous` are whole addresses, null at the ends."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


def page_of(
    operation: Operation, output: type[Page], rows: QuerySet[Any], *, ordering: tuple[str, ...] = NEWEST_FIRST
) -> Response:
    """Return the page of `rows` that the operation's query names, in the shape of `output`.

    Every parameter that does not place the page is a filter. `ordering` ends with a unique column; `sort` puts
    another column first.
    """
    query, filters = operation.query, _filters(operation.query)
    order = _ordering(query.get("sort"), ordering)
    cursors = _Cursors(operation.request, {**filters, "order": order})
    backwards, edge = cursors.read(query) or (False, None)
    found = rows.filter(**{_LOOKUPS.get(name, name): value for name, value in filters.items()})
    towards = _reversed(order) if backwards else order
    if edge:
        found = found.filter(_beyond(towards, edge))
    shown = list(found.order_by(*towards)[: query["limit"] + 1])
    is_more = len(shown) > query["limit"]
    del shown[query["limit"] :]
    shown = shown[::-1] if backwards else shown
    has_next, has_previous = (True, is_more) if backwards else (is_more, edge is not None)

    def link(wanted: bool, position: int, *, back: bool) -> str | None:
        if not (wanted and shown):
            return None
        return cursors.link([back, [str(getattr(shown[position], name.lstrip("-"))) for name in order]])

    links = {"next": link(has_next, -1, back=False), "previous": link(has_previous, 0, back=True)}
    return paged(output({"results": shown, **links}).data, links)


def series_page(operation: Operation, sessions: Sequence[date], **pinned: Any) -> tuple[slice, Links]:
    """Return which of the ascending `sessions` make the page of a SeriesQuery, and the links to its neighbours.

    `pinned` are parameters that the links carry, so that all pages are of one version, or do not (None).
    """
    query = operation.query
    cursors = _Cursors(operation.request, {**_filters(query), **pinned})
    limit: int = query["limit"]
    start = bisect_left(sessions, query.get("start", date.min))
    end = bisect_right(sessions, query.get("end", date.max))
    cursor = cursors.read(query)
    first = max(start, bisect_left(sessions, date.fromisoformat(cursor) if cursor else date.min))
    behind = max(first, min(first + limit, end))

    def link(position: int) -> str:
        return cursors.link(sessions[position].isoformat(), **pinned)

    return slice(first, behind), {
        "next": link(behind) if behind < end else None,
        "previous": link(max(start, first - limit)) if start < first < len(sessions) else None,
    }


def paged(body: Mapping[str, Any], links: Links) -> Response:
    """Return one page, whose links stand in the header too."""
    return Response({**body, **links}, headers=link_header(links))


def link_header(links: Links) -> dict[str, str]:
    """Return the header `Link` (RFC 8288) of a page; none when it has no neighbour."""
    relations = {"next": links["next"], "prev": links["previous"]}
    header = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in relations.items() if url)
    return {"Link": header} if header else {}


class _Cursors:
    """Places in one list: signed for its address, filters and order, so that they fit into no other.

    Whoever makes one up is told so, and none reaches the database unchecked.
    """

    def __init__(self, request: Request, listed: Mapping[str, Any]) -> None:
        address = f"{request.path.rstrip('/')}/"
        self._url = request.build_absolute_uri(f"{address}?{request.META['QUERY_STRING']}")
        # Without a time, so that the same page has the same links, and thereby the same ETag.
        self._signer = signing.Signer(salt=f"{address} {json.dumps(listed, sort_keys=True, default=str)}")

    def read(self, query: Mapping[str, Any]) -> Any:
        """Return the place that the query names, None for the beginning. Raises ValidationError."""
        if "cursor" not in query:
            return None
        try:
            return self._signer.unsign_object(query["cursor"])
        except signing.BadSignature:
            raise ValidationError(
                {"cursor": "This is no cursor of this list with these filters in this order."},
                code="invalid_cursor",
            ) from None

    def link(self, place: Any, **pinned: Any) -> str:
        """Return the address of the page at a place."""
        url = self._url
        for name, value in {**pinned, "cursor": self._signer.sign_object(place)}.items():
            url = remove_query_param(url, name) if value is None else replace_query_param(url, name, value)
        return url


def _filters(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if name not in _OF_THE_PAGE}


def _ordering(sort: str | None, ordering: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns to order by: `sort` and then the unique one, both in the same direction."""
    if sort is None:
        return ordering
    unique = ordering[-1].lstrip("-")
    return tuple(dict.fromkeys((sort, f"-{unique}" if sort.startswith("-") else unique)))


def _reversed(order: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


def _beyond(order: tuple[str, ...], edge: Sequence[str]) -> Q:
    """Return the condition on rows that come after the one whose ordering columns are `edge`."""
    beyond, tied = Q(), Q()
    for name, value in zip(order, edge, strict=True):
        column = name.lstrip("-")
        beyond |= tied & Q(**{f"{column}__{'lt' if name.startswith('-') else 'gt'}": value})
        tied &= Q(**{column: value})
    return beyond
