"""Pages of rows that nobody may edit, with the rows that belong to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.text import capfirst

from shared.admin.display import address_of, shown
from shared.admin.lists import EstimatingPaginator, search

# What list filters, date hierarchies and our own links ask by. Any other lookup could be made to read a whole
# table or to fail in the database.
_LOOKUPS = {"exact", "isnull", "isempty", "gte", "lt", "year", "month", "day"}

type Column = str | Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of another model that are shown on a row's page: `of(row)` says which, as filters."""

    title: str
    model: type[Model]
    of: Callable[[Any], dict[str, Any]]
    columns: tuple[Column, ...]
    order_by: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    limit: int = 100

    def shown_for(self, row: Any) -> "ShownTable":
        """Return what the page of `row` shows."""
        rows = self.model._default_manager.filter(**self.of(row)).order_by(*self.order_by)  # noqa: SLF001
        found = list(rows[: self.limit + 1])
        return ShownTable(
            title=self.title,
            headers=[self._header(column) for column in self.columns],
            rows=[[self._cell(column, item) for column in self.columns] for item in found[: self.limit]],
            note=f"The first {self.limit} are shown." if len(found) > self.limit else "",
        )

    def _header(self, column: Column) -> str:
        return capfirst(str(label_for_field(column, self.model)))

    def _cell(self, column: Column, item: Any) -> str:
        if callable(column):
            return shown(column(item))
        return cell_of(item, column, self.links, is_brief=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """A table ready for its page."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


class ListedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for the checker only
    """Lists rows of a table of any size, whatever is asked of the list."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table

    class Media:
        css = {"all": ["bellwether/admin.css"]}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether a list may be asked by this parameter."""
        name, _, kind = lookup.partition("__")
        is_field = name in {found.name for found in self.opts.concrete_fields}
        return is_field and kind in {"", *_LOOKUPS} and super().lookup_allowed(lookup, value, request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row, None for a key that cannot be one."""
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Do an action to the rows chosen; keys that cannot be one choose nothing."""
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(key)
        except ValidationError:
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return super().response_action(request, queryset, *args, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; parameters that the database cannot take, or no date has, lead to it without them."""
        try:
            title = capfirst(str(self.opts.verbose_name_plural))
            return super().changelist_view(request, {"title": title, **(extra_context or {})})
        except (DataError, ValueError):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")


class RecordAdmin(ListedAdmin):
    """Shows rows and lets nobody change them.

    `links` has the target of each field that names another row, `lists` the lists of rows that name this one
    by its key, `heading` the fields by which people know it,
    `tables` what else belongs on its page, `unlisted` the fields too large for a list, and `elsewhere` those
    that are left out here: a table has them, or nobody should see them.
    """

    links: ClassVar[Mapping[str, str]] = {}
    lists: ClassVar[Mapping[str, str]] = {}
    heading: ClassVar[tuple[str, ...]] = ("pk",)
    tables: ClassVar[tuple[Table, ...]] = ()
    unlisted: ClassVar[tuple[str, ...]] = ()
    elsewhere: ClassVar[tuple[str, ...]] = ()
    actions: Any = ()
    change_form_template = "admin/record_form.html"

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        fields = [found for found in self.opts.concrete_fields if found.name not in self.elsewhere]
        self._cells = {found.name: self._cell(found) for found in fields}
        self._brief_cells: dict[str, Any] = {found.name: self._cell(found, is_brief=True) for found in fields}
        if self.opts.is_composite_pk:
            self.list_display_links = None

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the list and of each row; rows without a single key have no page."""
        found = super().get_urls()
        return found[:1] if self.opts.is_composite_pk else found

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Return False: rows come from events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: what is on record stays as it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: what is on record stays."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return every column of the row, each as `shown` has it."""
        return list(self._cells.values())

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns of the list; the first leads to the row, others to what they name."""
        count = 0 if self.list_display_links is None else 1
        first, rest = self.list_display[:count], self.list_display[count:]
        return [*first, *(self._brief_cells.get(str(name), name) for name in rest)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows without what is too large for a list; a row's own page reads it when shown."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.unlisted, *self.elsewhere)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return what indexes find: a whole UUID, or how a text begins."""
        return search(queryset, self.get_search_fields(request), search_term), False

    def get_tables(self, row: Any) -> Iterator[ShownTable]:
        """Give what else belongs on the page of the row."""
        for table in self.tables:
            yield table.shown_for(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show a row with its tables, and its actions as buttons."""
        row: Any = kwargs["obj"]
        heading = " ".join(str(getattr(row, name)) for name in self.heading)
        context |= {
            "title": capfirst(str(self.opts.verbose_name)),
            "subtitle": heading,
            "tables": self.get_tables(row),
            "lists": [
                (title, address)
                for title, target in self.lists.items()
                if (address := address_of(target, row.pk)) is not None
            ],
            "row_actions": [(found[1], found[2]) for found in self.get_actions(request).values() if found],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _cell(self, found: "Field[Any, Any]", *, is_brief: bool = False) -> Callable[[Any], str]:
        @admin.display(description=str(found.verbose_name), ordering=found.name)
        def cell(row: Any) -> str:
            return cell_of(row, found.name, self.links, is_brief=is_brief)

        cell.__name__ = found.name
        return cell


def cell_of(row: Any, name: str, links: Mapping[str, str], *, is_brief: bool) -> str:
    """Return a field of a row as the pages show it; a link may depend on the row: `{row.source}_event`."""
    link = links.get(name)
    return shown(getattr(row, name), link and link.format(row=row), is_brief=is_brief)
