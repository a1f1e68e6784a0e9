"""The form that asks for a backtest: drawn from what the API takes and from the strategies' own parameters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from services.analytics.backtests.api import RequestBacktest, RunOptions
from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.http.fields import Choice, SessionDate, Switch

type Values = Mapping[str, str]

NO_INDEX: Final = "none"
# What the page asks first; all other fields stand behind "more".
_FIRST: Final = ("symbol", "initial_capital", "start", "end")
_APART: Final = ("strategy", "parameters", "options")
_TITLES: Final = {
    "initial_capital": "Capital",
    "start": "From",
    "end": "Until",
    "benchmark": "Index",
    "whole_shares": "Whole shares only",
    "allow_short": "Short positions too",
}
# Where what the API says speaks of JSON.
_HELPS: Final = {
    "size": "The figure of the sizing: money, shares, or a fraction of the equity; empty with all_in",
    "benchmark": "With stored prices; empty: SPY or the like where stored, none: buy and hold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field as the page draws it; `kind` is text, date, switch or choice."""

    name: str
    label: str
    help: str
    value: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormStrategy:
    """One strategy with the fields of its parameters."""

    name: str
    summary: str
    fields: tuple[FormField, ...]
    is_chosen: bool


def defaults() -> dict[str, str]:
    """Return what the fields hold at first."""
    fields = {**RequestBacktest.Input().fields, **RunOptions().fields}
    return {name: "" if callable(field.default) else _text(field.default) for name, field in fields.items()}


def fields_of(values: Values, errors: Values) -> tuple[list[FormField], list[FormField]]:
    """Return the fields that everybody fills in and those that have a default, with what was given and what is wrong."""
    asked = {name: field for name, field in RequestBacktest.Input().fields.items() if name not in _APART}
    drawn = {
        name: _drawn(name, field, values, errors) for name, field in {**asked, **RunOptions().fields}.items()
    }
    return [drawn[name] for name in _FIRST], [drawn[name] for name in drawn if name not in _FIRST]


def strategies_of(values: Values, errors: Values) -> list[FormStrategy]:
    """Return all strategies; the chosen one has what was given for its parameters, the others their defaults."""
    chosen = values.get("strategy")
    return [
        FormStrategy(
            name=rule.name,
            summary=rule.summary,
            is_chosen=rule.name == chosen,
            fields=tuple(
                FormField(
                    name=f"{rule.name}.{item['name']}",
                    label=item["name"].replace("_", " "),
                    help=f"{item['minimum']:,g} to {item['maximum']:,g}. {item['help']}",
                    value=values.get(f"{rule.name}.{item['name']}", _text(item["default"])),
                    error=errors.get(item["name"], "") if rule.name == chosen else "",
                )
                for item in rule.described_parameters()
            ),
        )
        for rule in STRATEGIES.values()
    ]


def body_of(values: Values) -> dict[str, Any]:
    """Return the body that the API would be sent; what is left empty is not given."""
    body: dict[str, Any] = {"options": {}, "parameters": {}}
    for name in {*RequestBacktest.Input().fields} - {"parameters", "options"}:
        if text := values.get(name, "").strip():
            body[name] = text
    for name, field in RunOptions().fields.items():
        text = values.get(name, "").strip()
        if isinstance(field, Switch):
            body["options"][name] = bool(text)
        elif text:
            body["options"][name] = None if (name, text) == ("benchmark", NO_INDEX) else text
    rule = STRATEGIES.get(body.get("strategy", ""))
    for item in rule.described_parameters() if rule else ():
        if text := values.get(f"{body['strategy']}.{item['name']}", "").strip():
            body["parameters"][item["name"]] = _number(text, is_whole=item["type"] == "int")
    return body


def values_of(run: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run, as the API shows it, was asked for with, as the fields hold it."""
    plain = {**run, **run["options"], "benchmark": run["options"].get("benchmark") or NO_INDEX}
    parameters = {f"{run['strategy']}.{name}": value for name, value in run["parameters"].items()}
    names = {*RequestBacktest.Input().fields, *RunOptions().fields} - {"parameters", "options"}
    return {
        name: _text(value)
        for name, value in {**{name: plain.get(name) for name in names}, **parameters}.items()
    }


def told(errors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give each field of a refused body with what is wrong with it."""
    for name, found in errors.items():
        if isinstance(found, Mapping):
            yield from told(found)
        else:
            # A form holds nothing but text, of which people do not speak as programs do.
            yield name, str(found[0]).replace("Give a string such as", "Give a number such as")


def _drawn(name: str, field: Any, values: Values, errors: Values) -> FormField:
    kinds = {Choice: "choice", SessionDate: "date", Switch: "switch"}
    return FormField(
        name=name,
        label=_TITLES.get(name, name.replace("_", " ").capitalize()),
        help=_HELPS.get(name, field.help_text or ""),
        value=values.get(name, ""),
        kind=next((kind for form, kind in kinds.items() if isinstance(field, form)), "text"),
        choices=tuple(getattr(field, "choices", ())),
        error=errors.get(name, ""),
    )


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and "." in value and value.replace(".", "", 1).isdigit():
        value = Decimal(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "on" if value is True else str(value)


def _number(text: str, *, is_whole: bool) -> Any:
    """Return the number, or the text as it is where it is none: the strategy then says what it takes."""
    try:
        return int(text.replace(",", "")) if is_whole else float(text)
    except ValueError:
        return text
