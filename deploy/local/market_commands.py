"""`bellwether quota`, `watch` and `quarantine`: what may be asked, what is kept fresh, what waits for a decision."""

import getpass
from typing import Annotated, Any
from uuid import UUID

import typer

from deploy.local import market_output, output
from deploy.local.failures import command_edge
from deploy.local.steps import as_command
from deploy.local.system import open_system
from shared.errors import NotFound

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Name = Annotated[str, typer.Argument(help="The list's name.")]
HeldId = Annotated[str, typer.Argument(help="Its id, or how it begins, as `list` shows them.")]
watch = typer.Typer(help="Watch lists, whose symbols are refreshed after each session.", no_args_is_help=True)
quarantine = typer.Typer(
    help="Changes of known prices that look wrong and wait for a decision.", no_args_is_help=True
)


def quota(as_json: AsJson = False) -> None:
    """Show the calls that are left of each provider, and which symbols are refreshed next and why."""
    with command_edge(as_json=as_json), open_system():
        from django.utils import timezone

        from services.ingest.providers.registry import REMOTE_NAMES
        from services.ingest.quota.api import ShowQuota
        from services.ingest.quota.selectors import quota_of
        from services.ingest.watchlists.selectors import planned_refreshes

        now = timezone.now()
        providers = [quota_of(name, now=now) for name in REMOTE_NAMES]
        found = ShowQuota.Output({"providers": providers, "plan": planned_refreshes(now=now)}).data
        (output.print_json if as_json else market_output.print_quota)(dict(found))


@watch.command(name="list")
def list_watch_lists(as_json: AsJson = False) -> None:
    """List the watch lists, and how fresh each symbol is."""
    with command_edge(as_json=as_json), open_system():
        _show_watch_lists(as_json=as_json)


@watch.command(name="set")
def set_watch_list(
    name: Name,
    symbols: Annotated[list[str], typer.Argument(help="Ticker symbols, in the order they matter.")],
    provider: Annotated[str, typer.Option(help="Who is asked; auto is whoever is ready.")] = "auto",
    paused: Annotated[bool, typer.Option("--paused", help="Keep the list without refreshing it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a watch list, or replace what one of that name holds."""
    with command_edge(as_json=as_json), open_system(), as_command():
        from django.utils import timezone

        from services.ingest.watchlists.services import save_watch_list

        save_watch_list(name=name, symbols=symbols, provider=provider, active=not paused, now=timezone.now())
        _show_watch_lists(as_json=as_json)


@watch.command(name="delete")
def delete_watch_list(name: Name, as_json: AsJson = False) -> None:
    """Delete a watch list; the prices of its symbols stay."""
    with command_edge(as_json=as_json), open_system(), as_command():
        from django.utils import timezone

        from services.ingest.watchlists.services import delete_watch_list

        delete_watch_list(name=name, now=timezone.now())
        _show_watch_lists(as_json=as_json)


@quarantine.command(name="list")
def list_quarantine(
    all_: Annotated[bool, typer.Option("--all", help="Also those that were decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the changes that are held back, the newest first."""
    with command_edge(as_json=as_json), open_system():
        from services.ingest.quarantine.api import Quarantine
        from services.ingest.quarantine.selectors import quarantines

        found = quarantines() if all_ else quarantines().filter(state="open")
        rows = {"quarantine": [dict(row) for row in Quarantine(found, many=True).data]}
        (output.print_json if as_json else market_output.print_quarantine)(rows)


@quarantine.command(name="accept")
def accept(held: HeldId, as_json: AsJson = False) -> None:
    """Let a held change through: its rows become the instrument's next version."""
    with command_edge(as_json=as_json), open_system(), as_command():
        from django.utils import timezone

        from services.ingest.quarantine.services import accept_change

        found = _held(held)
        version = accept_change(quarantine_id=found.id, decided_by=getpass.getuser(), now=timezone.now())
        done = {"id": str(found.id), "symbol": found.symbol, "status": "accepted", "version": version}
        (output.print_json if as_json else market_output.print_decision)(done)


@quarantine.command(name="dismiss")
def dismiss(held: HeldId, as_json: AsJson = False) -> None:
    """Drop a held change; the same rows are not held back again."""
    with command_edge(as_json=as_json), open_system(), as_command():
        from django.utils import timezone

        from services.ingest.quarantine.services import dismiss_change

        found = _held(held)
        state = dismiss_change(quarantine_id=found.id, decided_by=getpass.getuser(), now=timezone.now())
        done = {"id": str(found.id), "symbol": found.symbol, "status": state, "version": None}
        (output.print_json if as_json else market_output.print_decision)(done)


def _show_watch_lists(*, as_json: bool) -> None:
    from django.utils import timezone

    from services.ingest.watchlists.api import Freshness
    from services.ingest.watchlists.selectors import freshness_of, watch_lists

    lists = list(watch_lists())
    fresh = freshness_of({symbol for each in lists for symbol in each.symbols}, now=timezone.now())
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "provider": each.provider,
            "active": each.active,
            "symbols": [dict(Freshness(fresh[symbol]).data) for symbol in each.symbols],
        }
        for each in lists
    ]
    (output.print_json if as_json else market_output.print_watch_lists)({"watch_lists": rows})


def _held(text: str) -> Any:
    """Return the one held change whose id begins so. Raises NotFound."""
    from services.ingest.quarantine.selectors import quarantine_by_id, quarantines

    found = [each for each in quarantines() if str(each.id).startswith(text.lower())] if text else []
    if len(found) != 1:
        raise NotFound(f"{len(found)} held changes have an id that begins with {text[:40]!r}.")
    return quarantine_by_id(UUID(str(found[0].id)))
