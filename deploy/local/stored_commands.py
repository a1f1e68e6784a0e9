"""`bellwether prices` and `index`: what is stored of a symbol, and who belonged to an index."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.local import output, stored_output
from deploy.local.day_ranges import day_ranges
from deploy.local.failures import command_edge
from deploy.local.system import open_system
from shared.errors import ValidationFailed
from shared.symbols import normalise_symbol

if TYPE_CHECKING:
    from services.ingest.coverage.selectors import StoredCoverage

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]


def prices(
    symbol: Annotated[str, typer.Argument(help="Ticker symbol; without one, all that are stored.")] = "",
    versions: Annotated[
        bool, typer.Option("--versions", help="List also what each version changed.")
    ] = False,
    actions: Annotated[bool, typer.Option("--actions", help="List also the splits and dividends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which prices are stored of a symbol, who told them, and what is missing or wants a look."""
    with command_edge(as_json=as_json):
        if not symbol and (versions or actions):
            raise ValidationFailed("Give the symbol whose versions or actions are to be listed.")
        name = symbol and normalise_symbol(symbol)
        with open_system():
            if not name:
                (output.print_json if as_json else stored_output.print_instruments)(_instruments())
                return
            found = _prices_of(name, with_versions=versions, with_actions=actions)
            (output.print_json if as_json else stored_output.print_prices)(found)


def index(
    name: Annotated[str, typer.Argument(help="sp500 or nasdaq100; without one, all that are known.")] = "",
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; else today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the members of an index on a day, and which of them have stored prices."""
    with command_edge(as_json=as_json):
        if on and not name:
            raise ValidationFailed("Give the index whose members of that day are to be listed.")
        with open_system():
            from services.ingest.indexes.api import ListIndexes, ListMembers

            if not name:
                (output.print_json if as_json else stored_output.print_indexes)(_answer(ListIndexes))
                return
            asked = on.date() if on else datetime.now(UTC).date()
            found = _answer(ListMembers, query={"on": asked}, index=name)
            if as_json:
                output.print_json(found)
            else:
                stored_output.print_members(found, is_later=found["on"] < asked.isoformat())


def _answer(operation: type[Any], *, query: dict[str, Any] | None = None, **address: str) -> dict[str, Any]:
    """Return what the API answers to a read, without a server; `query` holds values as it takes them in."""
    asked = operation()
    asked.query = query or {}
    return dict(asked.get(None, **address).data)


def _instruments() -> dict[str, Any]:
    from services.ingest.market.api import Instrument
    from services.ingest.market.selectors import instruments

    return {"instruments": [dict(row) for row in Instrument(instruments(), many=True).data]}


def _prices_of(symbol: str, *, with_versions: bool, with_actions: bool) -> dict[str, Any]:
    """Return what is stored of a symbol. Raises NoPrices."""
    from django.utils import timezone

    from services.ingest.coverage.api import LargeMove, SourceRange
    from services.ingest.coverage.selectors import coverage_at
    from services.ingest.market.api import Action, Version
    from services.ingest.market.selectors import actions_of, instrument_named, versions_of
    from services.ingest.quarantine.api import Quarantine
    from services.ingest.quarantine.selectors import quarantines

    version = instrument_named(symbol).version
    stored = coverage_at(symbol, version=version, now=timezone.now())
    held = quarantines().filter(symbol=symbol, state="open")
    found: dict[str, Any] = {
        "symbol": symbol,
        "version": version,
        **_coverage(stored),
        "large_moves": [dict(row) for row in LargeMove(stored.coverage.large_moves, many=True).data],
        "sources": [dict(row) for row in SourceRange(stored.sources, many=True).data],
        "split_count": stored.split_count,
        "dividend_count": stored.dividend_count,
        "quarantine": [dict(row) for row in Quarantine(held, many=True).data],
    }
    if with_versions:
        found["versions"] = [dict(row) for row in Version(versions_of(symbol), many=True).data]
    if with_actions:
        known = actions_of(symbol, version=version)
        found["actions"] = [dict(row) for row in Action(known, many=True).data]
    return found


def _coverage(stored: "StoredCoverage") -> dict[str, Any]:
    """Return what is stored and what is not, days that follow each other as one range."""
    from services.ingest.sessions.domain import FIRST_DATE, sessions_between

    coverage, last_final = stored.coverage, stored.last_final_session
    calendar = sessions_between(max(coverage.first_session, FIRST_DATE), last_final)
    order = sorted({*calendar, *coverage.missing, *coverage.extra, *coverage.zero_volume})
    return {
        "first_session": coverage.first_session.isoformat(),
        "last_session": coverage.last_session.isoformat(),
        "session_count": coverage.session_count,
        "last_final_session": last_final.isoformat(),
        "missing": day_ranges(coverage.missing, order=order),
        "extra": day_ranges(coverage.extra, order=order),
        "zero_volume": day_ranges(coverage.zero_volume, order=order),
        "stale": day_ranges([day for day in calendar if day > coverage.last_session], order=order),
    }
