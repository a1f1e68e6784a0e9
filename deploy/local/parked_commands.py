"""`bellwether events parked`: messages that a service set aside with their error, and what becomes of them."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from deploy.local import output, parked_output
from deploy.local.event_options import NAMES_ALL, whose
from deploy.local.failures import command_edge
from deploy.local.steps import as_command
from deploy.local.system import open_system
from shared.errors import BellwetherError, NotFound, ValidationFailed

LONGEST_ID = 2**63 - 1
MOST_LISTED = 10_000
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="The service that set it aside.")]
Id = Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")]
OneId = Annotated[int, typer.Argument(metavar="ID", help="Its number; none with --all.")]
parked = typer.Typer(
    help="Messages set aside with their error; a stream whose event could not be handled waits for a decision.",
    no_args_is_help=True,
)


class StillParked(BellwetherError):
    """Raised when messages that were handed in again, or were to be dropped, are still parked afterwards."""

    status, slug, title = 409, "still-parked", "Messages are still parked"


@parked.command(name="list")
def list_parked(
    service: Annotated[str, typer.Option(help=f"Only those of {NAMES_ALL}.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Also those that were retried or dropped.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the messages that wait for a decision, oldest first."""
    with command_edge(as_json=as_json):
        if not 1 <= limit <= MOST_LISTED:
            raise ValidationFailed(f"--limit {limit}: give 1 to {MOST_LISTED:,}.", field="limit")
        services = whose(service)
        with open_system():
            from shared.eventstore.parked import parked_messages

            found = {name: parked_messages(name, with_resolved=all_) for name in services}
            rows = [(name, row) for name, messages in found.items() for row in messages[:limit]]
            rows = sorted(rows, key=lambda each: (each[1].parked_at, each[0], each[1].id))[:limit]
            more = sum(messages.count() for messages in found.values()) - len(rows)
            shown = {"parked": [parked_output.as_dict(*each) for each in rows], "more": more}
            (output.print_json if as_json else parked_output.print_parked)(shown)


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
    parked_id: OneId = 0,
    all_: Annotated[bool, typer.Option("--all", help="All that a retry may help, oldest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand a message in again, as if it had just come: for after the repair; exit with 1 when it fails again."""
    with command_edge(as_json=as_json):
        if bool(parked_id) == all_:
            raise ValidationFailed("Give the number of one message, or --all.", field="id")
        name = _one(service, parked_id)
        with open_system(), as_command(), told_in_words():
            from shared.eventstore.parked import count_only_to_drop, ids_to_retry

            done: dict[str, Any] = {"service": name, "retried": []}
            done["only_to_drop"] = count_only_to_drop(name) if all_ else 0
            try:
                for each in ids_to_retry(name) if all_ else [parked_id]:
                    done["retried"].append(_retried(name, each, is_one_of_many=all_))
            finally:  # what was done is told, whatever ends it
                if done["retried"] or all_:
                    (output.print_json if as_json else parked_output.print_retried)(done)
            _refuse_what_is_left(done["retried"], saying="failed again")


@parked.command(name="drop")
def drop(
    service: Service,
    parked_id: OneId = 0,
    all_: Annotated[bool, typer.Option("--all", help="All that are parked for --reason.")] = False,
    reason: Annotated[str, typer.Option(help="With --all: the reason, such as unrecorded-event.")] = "",
    as_json: AsJson = False,
) -> None:
    """Give a message up: it never has an effect, and a stream that waited for it goes on."""
    with command_edge(as_json=as_json):
        if bool(parked_id) == all_ or bool(reason) != all_:
            raise ValidationFailed("Give the number of one message, or --all and --reason.", field="id")
        name = _one(service, parked_id)
        with open_system(), as_command(), told_in_words():
            done: dict[str, Any] = {"service": name, "dropped": [], "applied_behind": 0}
            try:
                for each in _parked_for(name, reason) if all_ else [parked_id]:
                    done["dropped"].append(_dropped(name, each, is_one_of_many=all_))
                    done["applied_behind"] += done["dropped"][-1].pop("applied_behind", 0)
            finally:
                if done["dropped"]:
                    (output.print_json if as_json else parked_output.print_dropped)(done)
            _refuse_what_is_left(done["dropped"], saying="could not be dropped")


@contextmanager
def told_in_words() -> Iterator[None]:
    """Keep from the terminal the log's line of each message that is parked: the command says it itself."""
    logger = logging.getLogger("shared.eventstore.parked")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _one(service: str, parked_id: int) -> str:
    (name,) = whose(service) if service else ("",)
    if not name or not 0 <= parked_id <= LONGEST_ID:
        raise ValidationFailed(f"Name {NAMES_ALL}, and a number from `list`.")
    return name


def _parked_for(service: str, reason: str) -> list[int]:
    from shared.eventstore.parked import ids_to_drop, parked_messages

    found = ids_to_drop(service, slug=reason)
    if not found:
        known = sorted(set(parked_messages(service).values_list("slug", flat=True)))
        others = f"; there are {', '.join(known)}" if known else ""
        raise NotFound(f"{service} has parked nothing for the reason {reason[:60]!r}{others}.")
    return found


def _retried(service: str, parked_id: int, *, is_one_of_many: bool) -> dict[str, Any]:
    """Retry one message and tell what became of it; one of many that cannot be is told so and stops none."""
    from shared.eventstore.inbox import receive
    from shared.eventstore.parked import outcome_of, parked_message, retry_parked

    try:
        retry_parked(service, parked_id, receive=lambda name, bodies: receive(name, bodies, pause=time.sleep))
    except BellwetherError as error:
        if not is_one_of_many:
            raise
        return {"service": service, "id": parked_id, "outcome": "refused", "detail": error.detail}
    row = parked_message(service, parked_id)
    return parked_output.as_dict(service, row) | outcome_of(service, row)


def _dropped(service: str, parked_id: int, *, is_one_of_many: bool) -> dict[str, Any]:
    """Drop one message and have what waited behind it handled."""
    from shared.eventstore.inbox import drain
    from shared.eventstore.parked import drop_parked

    try:
        row = drop_parked(service, parked_id)
    except BellwetherError as error:
        if not is_one_of_many:
            raise
        return {"id": parked_id, "outcome": "refused", "detail": error.detail}
    behind = drain(service, row.source, row.stream, pause=time.sleep) if row.stream else 0
    return {"id": parked_id, "outcome": "dropped", "applied_behind": behind}


def _refuse_what_is_left(done: Sequence[dict[str, Any]], *, saying: str) -> None:
    left = sum(each["outcome"] in {"parked", "refused"} for each in done)
    if left:
        raise StillParked(f"{left:,} of {len(done):,} message(s) {saying}.")
