"""`bellwether fetches`: which fetches wait, run or ended, and taking back one that waits."""

from itertools import chain
from typing import Annotated, Any
from uuid import UUID

import typer

from deploy.local import fetch_output, output
from deploy.local.failures import command_edge
from deploy.local.steps import as_command
from deploy.local.system import open_system
from shared.errors import NotFound
from shared.symbols import normalise_symbol

MOST_LISTED = 1000
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
fetches = typer.Typer(help="Fetches that wait, run or ended.", no_args_is_help=True)


@fetches.command(name="list")
def list_fetches(
    symbol: Annotated[str, typer.Option(help="Only those of a symbol.")] = "",
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_LISTED, help="Most of those that ended; all open ones are listed.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """List the fetches that are open, then those that ended, the newest first."""
    with command_edge(as_json=as_json):
        name = symbol and normalise_symbol(symbol)
        with open_system():
            from services.ingest.fetches.api import Fetch
            from services.ingest.fetches.selectors import fetches as all_fetches

            found = all_fetches().filter(symbol=name) if name else all_fetches()
            ended = found.exclude(state="queued")[:limit]
            listed = {each.id: each for each in chain(_open(found), ended)}  # one may end in between
            rows = [dict(row) for row in Fetch(listed.values(), many=True).data]
            (output.print_json if as_json else fetch_output.print_fetches)({"fetches": rows})


@fetches.command(name="cancel")
def cancel(
    fetch: Annotated[str, typer.Argument(help="Its id, or how it begins, as `list` shows them.")],
    as_json: AsJson = False,
) -> None:
    """Take back a fetch that waits; what is stored stays as it is."""
    with command_edge(as_json=as_json), open_system(), as_command():
        from services.ingest.fetches.api import Fetch
        from services.ingest.fetches.selectors import fetch_by_id
        from services.ingest.fetches.services import cancel_fetch

        fetch_id = _open_id(fetch)
        cancel_fetch(fetch_id=fetch_id)
        done = dict(Fetch(fetch_by_id(fetch_id)).data)
        (output.print_json if as_json else fetch_output.print_cancelled)(done)


def _open(found: Any) -> Any:
    """Return those whose work has not ended: until it does, a fetch is as it was asked."""
    return found.filter(state="queued")


def _open_id(text: str) -> UUID:
    """Return the id of the one open fetch whose id begins so. Raises NotFound."""
    from services.ingest.fetches.selectors import fetches as all_fetches

    ids = [each.id for each in _open(all_fetches()) if text and str(each.id).startswith(text.lower())]
    if len(ids) != 1:
        raise NotFound(f"{len(ids)} open fetches have an id that begins with {text[:40]!r}.")
    return UUID(str(ids[0]))
