"""Who belonged to an index when, and which tickers were renamed, read from the committed files in `data/`.

`manifest.json` names attribution, licence, covered days and known faults of each index. A membership lasts from the
members that are known at first, through every change since.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from shared.errors import BellwetherError
from shared.symbols import printable

DATA = Path(__file__).with_name("data")
DATA_VERSION = sha256(b"".join(path.read_bytes() for path in sorted(DATA.iterdir()))).hexdigest()[:12]


class UnknownIndex(BellwetherError):
    """Raised when an index is named of which no members are known."""

    status, slug, title = 404, "unknown-index", "Unknown index"


class OutsideCoverage(BellwetherError):
    """Raised when the members of an index are asked on a day of which they are not known."""

    status, slug, title = 400, "outside-coverage", "Outside the days that are covered"


class ContradictoryData(ValueError):
    """Raised when the committed files contradict each other; no release may hold such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One stay in an index: from `start_date`, `end_date` being the first day outside, None while it lasts."""

    symbol: str
    start_date: date
    end_date: date | None

    def covers(self, day: date) -> bool:
        """Tell whether the symbol is a member on `day`."""
        return self.start_date <= day and (self.end_date is None or day < self.end_date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A symbol that comes into an index, or leaves it, before the open of `on`."""

    on: date
    symbol: str
    is_added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index with all stays in it from `first_date` to `last_date`, the last day of which anything is known.

    A stay from `first_date` began then or earlier. `spells` are by symbol, each symbol's ascending.
    """

    name: str
    title: str
    attribution: str
    licence: str
    first_date: date
    last_date: date
    notes: tuple[str, ...]
    spells: tuple[Spell, ...]

    def require_covered(self, day: date) -> None:
        """Accept a day of which the members are known.

        Raises:
            OutsideCoverage: they are not.
        """
        if not self.first_date <= day <= self.last_date:
            raise OutsideCoverage(
                f"The members of {self.name} are known from {self.first_date} to {self.last_date}, not on {day}.",
                first_date=self.first_date.isoformat(),
                last_date=self.last_date.isoformat(),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A ticker that trades under another symbol since the open of `on`; `source` is the file or fact that shows it.

    Since `reused_on` the old one is another company's.
    """

    old: str
    new: str
    on: date
    reused_on: date | None = None
    company: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A symbol that an instrument has before `until`, None for the one it has now."""

    symbol: str
    until: date | None


@cache
def indexes() -> dict[str, Index]:
    """Return every index by its name, ascending."""
    entries = json.loads((DATA / "manifest.json").read_bytes())["indexes"]
    return {name: _index(name, entry) for name, entry in sorted(entries.items())}


def index_named(name: str) -> Index:
    """Return the index called `name`.

    Raises:
        UnknownIndex: there is none of that name.
    """
    known = indexes()
    if name not in known:
        raise UnknownIndex(
            f"There is no index {printable(name)}; known are {', '.join(known)}.", known_indexes=list(known)
        )
    return known[name]


def spells_of(known: Iterable[Spell], changes: Sequence[Change]) -> tuple[Spell, ...]:
    """Return the stays in an index: `known` ones before the first of the ascending `changes`, those from there on.

    On a day that has both, symbols leave before others come.

    Raises:
        ContradictoryData: a symbol leaves that is no member, or comes that is one.
    """
    since = changes[0].on
    ended, members = [], {}
    for spell in known:
        if spell.end_date is not None and spell.end_date < since:
            ended.append(spell)
        elif spell.start_date < since:
            members[spell.symbol] = spell.start_date
    for change in sorted(changes, key=lambda change: (change.on, change.is_added)):
        if change.is_added == (change.symbol in members):
            raise ContradictoryData(
                f"{change.symbol} {'comes' if change.is_added else 'leaves'} on {change.on}"
            )
        if change.is_added:
            members[change.symbol] = change.on
        else:
            begun = members.pop(change.symbol)
            ended.append(Spell(symbol=change.symbol, start_date=begun, end_date=change.on))
    lasting = [Spell(symbol=symbol, start_date=begun, end_date=None) for symbol, begun in members.items()]
    return tuple(sorted([*ended, *lasting], key=lambda spell: (spell.symbol, spell.start_date)))


def read_spells(file: str, *, corrections: dict[str, str]) -> Iterator[Spell]:
    """Give the stays that a file of `data/` tells: whole ones, or those of its first list of members."""
    rows = _rows(file)
    if "ticker" in rows[0]:
        for row in rows:
            end = date.fromisoformat(row["end_date"]) if row["end_date"] else None
            start = date.fromisoformat(row["start_date"])
            yield Spell(symbol=_symbol(row["ticker"], corrections), start_date=start, end_date=end)
    else:
        day, members = next(read_lists(file, corrections=corrections))
        for symbol in sorted(members):
            yield Spell(symbol=symbol, start_date=day, end_date=None)


def read_lists(file: str, *, corrections: dict[str, str]) -> Iterator[tuple[date, set[str]]]:
    """Give each list of members that a file of `data/` holds, with its day, ascending."""
    for day, listed in groupby(_rows(file), key=lambda row: row["date"]):
        yield date.fromisoformat(day), {_symbol(row["symbol"], corrections) for row in listed}


def read_changes(file: str, *, corrections: dict[str, str]) -> tuple[Change, ...]:
    """Return the changes that a file of `data/` tells, ascending."""
    return tuple(
        Change(
            on=date.fromisoformat(row["date"]),
            symbol=_symbol(row["symbol"], corrections),
            is_added=row["action"] == "add",
        )
        for row in sorted(_rows(file), key=lambda row: row["date"])
    )


@cache
def renames() -> tuple[Rename, ...]:
    """Return every known renaming of a ticker, ascending by its day."""
    found = (
        Rename(
            old=row["old"],
            new=row["new"],
            on=date.fromisoformat(row["on_date"]),
            reused_on=date.fromisoformat(row["reused_on"]) if row["reused_on"] else None,
            company=row["company"],
            source=row["source"],
        )
        for row in _rows("renames.csv")
    )
    return tuple(sorted(found, key=lambda rename: (rename.on, rename.old)))


def names_of(symbol: str, *, named_on: date | None = None) -> tuple[Name, ...]:
    """Return all names of what `symbol` named on a day (None: now), oldest first; only itself when never renamed."""
    reused_on = next((each.reused_on for each in renames() if each.old == symbol and each.reused_on), None)
    if reused_on is not None and (named_on is None or named_on >= reused_on):
        return (Name(symbol=symbol, until=None),)
    return _chains(renames()).get(symbol, (Name(symbol=symbol, until=None),))


def resolve_symbol(symbol: str, *, on: date | None = None, named_on: date | None = None) -> str:
    """Return under which symbol the instrument that `symbol` named on a day trades on another (None: now)."""
    names = names_of(symbol, named_on=named_on)
    if on is None:
        return names[-1].symbol
    return next(name.symbol for name in names if name.until is None or on < name.until)


def other_names(symbol: str, *, named_on: date | None = None) -> tuple[str, ...]:
    """Return the other symbols of what `symbol` named on a day (None: now), newest first, but no other's by now."""
    names = names_of(symbol, named_on=named_on)
    found = dict.fromkeys(name.symbol for name in reversed(names) if name.symbol != symbol)
    return tuple(name for name in found if names_of(name) == names)


def predecessors(symbol: str) -> tuple[Name, ...]:
    """Return the names that the instrument had before it was called `symbol` last, newest first."""
    names = names_of(symbol)
    last = max(place for place, name in enumerate(names) if name.symbol == symbol)
    return tuple(name for name in reversed(names[:last]) if name.symbol != symbol)


@cache
def _chains(known: tuple[Rename, ...]) -> dict[str, tuple[Name, ...]]:
    """Return for each symbol all names of its instrument.

    Raises:
        ContradictoryData: a symbol belongs to two instruments.
    """
    chains: list[list[Name]] = []
    for rename in known:
        chain = next((chain for chain in chains if chain[-1].symbol == rename.old), None)
        if chain is None:
            chain = [Name(symbol=rename.old, until=None)]
            chains.append(chain)
        chain[-1:] = [Name(symbol=rename.old, until=rename.on), Name(symbol=rename.new, until=None)]
    found: dict[str, tuple[Name, ...]] = {}
    for chain in chains:
        for symbol in {name.symbol for name in chain}:
            if symbol in found:
                raise ContradictoryData(f"{symbol} belongs to two instruments")
            found[symbol] = tuple(chain)
    return found


def _index(name: str, entry: dict[str, Any]) -> Index:
    known = read_spells(entry["members"], corrections=entry["corrections"])
    changes = read_changes(entry["changes"], corrections=entry["corrections"])
    return Index(
        name=name,
        title=entry["title"],
        attribution=entry["attribution"],
        licence=entry["licence"],
        first_date=date.fromisoformat(entry["first_date"]),
        last_date=date.fromisoformat(entry["last_date"]),
        notes=tuple(entry["notes"]),
        spells=spells_of(known, changes),
    )


def _rows(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / file).read_text(encoding="ascii").splitlines()))


def _symbol(text: str, corrections: dict[str, str]) -> str:
    """Return a member's symbol as prices have it: share classes after a hyphen."""
    return corrections.get(text, text).replace(".", "-")
