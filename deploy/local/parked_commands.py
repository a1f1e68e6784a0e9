"""`bellwether events parked`: messages that a service set aside with their error, and what becomes of them."""

import time
from typing import Annotated, Any

import typer

from deploy.local import output, parked_output
from deploy.local.event_options import NAMES_ALL, whose
from deploy.local.failures import command_edge
from deploy.local.steps import as_command
from deploy.local.system import open_system
from shared.errors import ValidationFailed

LONGEST_ID = 2**63 - 1
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="The service that set it aside.")]
Id = Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")]
parked = typer.Typer(
    help="Messages set aside because their handling failed: their stream waits for a decision.",
    no_args_is_help=True,
)


@parked.command(name="list")
def list_parked(
    service: Annotated[str, typer.Option(help=f"Only those of {NAMES_ALL}.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Also those that were retried or dropped.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the messages that wait for a decision, oldest first."""
    with command_edge(as_json=as_json):
        services = whose(service)
        with open_system():
            from shared.eventstore.parked import parked_messages

            rows = [
                parked_output.as_dict(name, row)
                for name in services
                for row in parked_messages(name, with_resolved=all_)
            ]
            (output.print_json if as_json else parked_output.print_parked)({"parked": rows})


@parked.command(name="show")
def show_parked(service: Service, parked_id: Id, as_json: AsJson = False) -> None:
    """Show one message with its body and the whole error."""
    with command_edge(as_json=as_json):
        name = _one(service, parked_id)
        with open_system():
            from shared.eventstore.parked import parked_message

            row = parked_message(name, parked_id)
            found = parked_output.as_dict(name, row) | parked_output.content_of(row)
            (output.print_json if as_json else parked_output.print_parked_message)(found)


@parked.command(name="retry")
def retry(
    service: Service,
    parked_id: Annotated[int, typer.Argument(metavar="ID", help="Its number; none with --all.")] = 0,
    all_: Annotated[
        bool, typer.Option("--all", help="All that the service set aside, oldest first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hand a message in again, as if it had just come: for after the repair."""
    with command_edge(as_json=as_json):
        if bool(parked_id) == all_:
            raise ValidationFailed("Give the number of one message, or --all.", field="id")
        name = _one(service, parked_id)
        with open_system(), as_command():
            from shared.eventstore.parked import parked_messages

            ids = [row.id for row in parked_messages(name)] if all_ else [parked_id]
            done = {"retried": [_retried(name, each) for each in ids]}
            (output.print_json if as_json else parked_output.print_retried)(done)


@parked.command(name="drop")
def drop(service: Service, parked_id: Id, as_json: AsJson = False) -> None:
    """Give a message up: it never has an effect, and its stream goes on behind it."""
    with command_edge(as_json=as_json):
        name = _one(service, parked_id)
        with open_system(), as_command():
            from shared.eventstore.inbox import drain
            from shared.eventstore.parked import drop_parked, parked_message

            drop_parked(name, parked_id)
            row = parked_message(name, parked_id)
            went_on = drain(name, row.source, row.stream, pause=time.sleep) if row.stream else 0
            done = parked_output.as_dict(name, row) | {"applied_behind": went_on}
            (output.print_json if as_json else parked_output.print_dropped)(done)


def _one(service: str, parked_id: int) -> str:
    (name,) = whose(service) if service else ("",)
    if not name or not 0 <= parked_id <= LONGEST_ID:
        raise ValidationFailed(f"Name {NAMES_ALL}, and a number from `list`.")
    return name


def _retried(service: str, parked_id: int) -> dict[str, Any]:
    """Retry one message and tell what became of it."""
    from shared.eventstore.inbox import receive
    from shared.eventstore.parked import outcome_of, parked_message, retry_parked

    retry_parked(service, parked_id, receive=lambda name, bodies: receive(name, bodies, pause=time.sleep))
    row = parked_message(service, parked_id)
    return parked_output.as_dict(service, row) | outcome_of(service, row)
