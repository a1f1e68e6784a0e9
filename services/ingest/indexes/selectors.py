"""Reads of indexes, and of the names under which prices are stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db.models import Count, Q, QuerySet

from services.ingest.indexes.domain import index_named, indexes, names_of, other_names
from services.ingest.indexes.models import IndexMembership
from services.ingest.market.selectors import instruments


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfChanges:
    """The symbols that came into an index, and left it, before the open of one day; both ascending."""

    date: date
    added: tuple[str, ...]
    removed: tuple[str, ...]


def member_counts() -> dict[str, int]:
    """Return of how many shares each index consists on the last day that is covered."""
    lasting = IndexMembership.objects.using("ingest").filter(end_date=None)
    return dict.fromkeys(indexes(), 0) | dict(
        lasting.values_list("index").annotate(Count("symbol")).order_by("index")
    )


def members_of(name: str, *, on: date) -> QuerySet[IndexMembership]:
    """Return the members of an index on a day, by symbol. Raises UnknownIndex and OutsideCoverage."""
    index_named(name).require_covered(on)
    lasting = Q(end_date=None) | Q(end_date__gt=on)
    stays = IndexMembership.objects.using("ingest").filter(lasting, index=name, start_date__lte=on)
    return stays.order_by("symbol")


def changes_of(name: str) -> list[DayOfChanges]:
    """Return each day on which an index changed, ascending. Raises UnknownIndex.

    Members on the first day that is covered did not come on it.
    """
    first = index_named(name).first_date
    stays = IndexMembership.objects.using("ingest").filter(index=name)
    found = {(stay.start_date, stay.symbol, True) for stay in stays if stay.start_date > first}
    found |= {(stay.end_date, stay.symbol, False) for stay in stays if stay.end_date}
    days = groupby(sorted(found), key=lambda change: change[0])
    return [_day(day, [(symbol, is_added) for _, symbol, is_added in changes]) for day, changes in days]


def stored_names(symbols: Iterable[str], *, named_on: Mapping[str, date] | None = None) -> dict[str, str]:
    """Return under which name the prices of each symbol are stored: its own or another that it has or had.

    Symbols without stored prices are left out. `named_on` is when a symbol named the instrument, else it is now; one
    that is another's by now is not what it is stored under.
    """
    days = named_on or {}
    names = {
        symbol: (
            *([symbol] if names_of(symbol) == names_of(symbol, named_on=days.get(symbol)) else []),
            *other_names(symbol, named_on=days.get(symbol)),
        )
        for symbol in symbols
    }
    wanted = {name for candidates in names.values() for name in candidates}
    stored = set(instruments().filter(symbol__in=wanted).values_list("symbol", flat=True))
    found = {
        symbol: next((name for name in candidates if name in stored), None)
        for symbol, candidates in names.items()
    }
    return {symbol: name for symbol, name in found.items() if name is not None}


def _day(day: date, changes: list[tuple[str, bool]]) -> DayOfChanges:
    return DayOfChanges(
        date=day,
        added=tuple(symbol for symbol, is_added in changes if is_added),
        removed=tuple(symbol for symbol, is_added in changes if not is_added),
    )
