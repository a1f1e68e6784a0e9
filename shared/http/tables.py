"""Any answer of the API as headed tables that people can read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.runs.findings import findings_of
from shared.runs.options import chosen_options

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$")
_FOR_MACHINES = re.compile(r"id|.* (id|hash|sha256)")
_ADDRESS = re.compile(r"/[A-Za-z0-9][A-Za-z0-9./_-]*")
_SIGNIFICANT_DIGITS = 6
_PERCENT_OF = {"ratio": 100, "percent": 1}
_WHOLE_UNITS = {"count", "days", "sessions"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as text; a number is aligned right, an address of this site is a link, `note` stands below."""

    text: str
    is_number: bool = False
    is_address: bool = False
    note: str = ""

    @property
    def is_short(self) -> bool:
        """Return whether the text should stay on one line: a date or a word."""
        return len(self.text) <= 24 and " " not in self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with its single values, then its rows under their column names; `is_first` stands before all others."""

    heading: str
    facts: list[tuple[str, Cell]] = field(default_factory=list)
    columns: list[Cell] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    is_first: bool = False


def sections_of(payload: Mapping[str, Any]) -> list[Section]:
    """Return each of the payload's lists and objects under its heading, then its single values that are known."""
    found = [section for section in _sections(payload, "Details") if section.facts or section.rows]
    return sorted(found, key=lambda section: (not section.is_first, not section.rows))


def shown(value: Any) -> Cell:
    """Return a single value, or a small object or list in one line, as people read it."""
    if value is None or isinstance(value, bool):
        return Cell({None: "–", True: "yes", False: "no"}[value])
    if isinstance(value, Mapping):
        return Cell(", ".join(f"{name}: {shown(item).text}" for name, item in value.items()) or "–")
    if isinstance(value, list | tuple):
        return Cell(", ".join(shown(item).text for item in value) or "none")
    if isinstance(value, int):
        return Cell(f"{value:,}", is_number=True)
    text = _TIME.sub(r"\1 \2 UTC", str(value))
    if _NUMBER.fullmatch(text):
        return Cell(_rounded(text), is_number=True)
    return Cell(text, is_number=isinstance(value, float), is_address=bool(_ADDRESS.fullmatch(text)))


def _sections(payload: Mapping[str, Any], heading: str) -> Iterator[Section]:
    below = {name: value for name, value in payload.items() if _has_own_section(value)}
    facts = [
        (words(name), shown(value))
        for name, value in payload.items()
        if name not in below and value is not None
    ]
    facts.sort(key=lambda fact: bool(_FOR_MACHINES.fullmatch(fact[0])))
    yield Section(heading=heading, facts=facts)
    if "metrics" in below and "benchmark_metrics" in below:
        yield from _run(payload, below)
    if "points" in below:
        yield _points(below.pop("points"))
    for name, value in below.items():
        if isinstance(value, Mapping):
            yield from _sections(value, words(name))
        else:
            yield _table(words(name), [_flat(row) for row in value])


def _has_own_section(value: Any) -> bool:
    if isinstance(value, Mapping):
        return len(value) > 3 or any(isinstance(item, Mapping | list) for item in value.values())
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and any(isinstance(row, Mapping) for row in value)
    )


def _table(heading: str, rows: list[dict[str, Any]]) -> Section:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if any(row.get(name) is not None for row in rows)]
    cells = [[shown(row.get(name)) for name in columns] for row in rows]
    headings = [
        Cell(words(name), is_number=any(row[place].is_number for row in cells))
        for place, name in enumerate(columns)
    ]
    return Section(heading=heading, columns=headings, rows=cells)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with the members of its objects as columns of their own."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        found |= (
            {f"{name} {inner}": item for inner, item in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
    return found


def _points(points: list[Mapping[str, Any]]) -> Section:
    """Return the sessions of a forecast in so few columns that a telephone shows them all."""
    rows = [
        {
            "session": point["session"],
            "forecast": point["point"],
            "80 % from": point["quantiles"].get("0.1"),
            "80 % to": point["quantiles"].get("0.9"),
            "no change": point.get("random_walk"),
            "actual": point.get("actual"),
        }
        for point in points
    ]
    cents = [
        {
            name: value if name == "session" or value is None else f"{Decimal(value):.2f}"
            for name, value in row.items()
        }
        for row in rows
    ]
    return _table("Next sessions", cents)


def _run(payload: Mapping[str, Any], below: dict[str, Any]) -> Iterator[Section]:
    """Give what a run is worth, its figures, and its options that are not the default; take them from `below`."""
    findings = findings_of(below.pop("truth", None), initial_capital=float(payload.get("initial_capital", 1)))
    marked = [(f"{'! ' if found.is_warning else ''}{found.label}", Cell(found.text)) for found in findings]
    yield Section(heading="What the result is worth; ! marks a weakness", facts=marked, is_first=True)
    options = below.pop("options", {})
    columns = {"this run": below.pop("metrics"), "buy and hold": below.pop("benchmark_metrics")}
    if "index_metrics" in below:
        columns[options.get("benchmark", "index")] = below.pop("index_metrics")
    yield _metrics(columns)
    chosen = [(label, Cell(text)) for label, text in chosen_options(options)]
    yield Section(heading="Options that are not the default", facts=chosen, is_first=True)


def _metrics(columns: Mapping[str, list[Mapping[str, Any]]]) -> Section:
    """Return the figures of a run beside those of what it is compared with, in their units."""
    by_name = [{metric["name"]: metric for metric in column} for column in columns.values()]
    rows = []
    for metric in by_name[0].values():
        notes = [text for text in (metric["reason"], metric["caution"]) if text]
        figures = [measure(column.get(metric["name"])) for column in by_name]
        rows.append([Cell(metric["label"], note="; ".join(notes)), *figures])
    heads = [Cell("metric"), *(Cell(name, is_number=True) for name in columns)]
    return Section(heading="Metrics", columns=heads, rows=rows)


def measure(metric: Mapping[str, Any] | None) -> Cell:
    """Return the figure of a run in its unit."""
    if metric is None or metric["value"] is None:
        return Cell("–", is_number=True)
    value, unit = metric["value"], metric["unit"]
    if unit in _PERCENT_OF:
        return Cell(f"{value * _PERCENT_OF[unit]:,.2f} %", is_number=True)
    return Cell(f"{value:,.0f}" if unit in _WHOLE_UNITS else f"{value:,.2f}", is_number=True)


def _rounded(text: str) -> str:
    """Return a decimal number without the digits behind its point that nobody reads; the JSON has them all."""
    whole, _, decimals = text.partition(".")
    places = max(2, _SIGNIFICANT_DIGITS - len(whole.lstrip("-0")))
    return f"{Decimal(text):,.{min(places, len(decimals))}f}" if decimals else text


def words(name: str) -> str:
    """Return a member's name as people write it."""
    return name.replace("_", " ")
