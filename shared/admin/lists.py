"""Lists that answer at once however many rows a table has."""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, UUIDField
from django.http import HttpRequest

COUNTED_ROWS = 10_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # generic for the checker only
    """Counts up to 10,000 rows, and beyond takes the planner's estimate: an exact count reads the table."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, or about how many."""
        rows = cast("QuerySet[Any]", self.object_list).order_by()
        counted = rows[: COUNTED_ROWS + 1].count()
        return counted if counted <= COUNTED_ROWS else max(counted, _estimate(rows))


def _estimate(rows: QuerySet[Any]) -> int:
    (plan,) = json.loads(rows.explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def choice_filter(field: str, values: Iterable[str]) -> type[admin.SimpleListFilter]:
    """Return a list filter over values that are known, so that nobody searches the table for them."""
    known = [(value, value.replace("_", " ")) for value in values]

    class Choice(admin.SimpleListFilter):
        title, parameter_name = field, field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return known

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    return Choice


def search(rows: QuerySet[Any], fields: Iterable[str], text: str) -> QuerySet[Any]:
    """Return the rows that indexes find: by a whole UUID, else by how a field begins (`=field`: all of it)."""
    text = text.strip()
    if not text:
        return rows
    found = Q()
    wanted = _uuid_or_none(text)
    for name in (spelled.removeprefix("=") for spelled in fields):
        field: Any = rows.model._meta.get_field(name)  # noqa: SLF001 Django documents it
        if isinstance(field, UUIDField) == (wanted is not None):
            lookup = name if wanted or f"={name}" in fields else f"{name}__startswith"
            found |= Q(**{lookup: wanted or (text.upper() if name == "symbol" else text)})
    return rows.filter(found) if found else rows.none()


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
