"""`bellwether events` and `bellwether why`: the record of what happened, and what an operator may do with it."""

import time
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from deploy.local import event_output, output
from deploy.local.event_options import NAMES_ALL, events_asked_for, moment_of, stream_named, type_named, whose
from deploy.local.failures import command_edge
from deploy.local.parked_commands import parked, told_in_words
from deploy.local.steps import as_command
from deploy.local.system import open_system
from shared.errors import BellwetherError, NotFound, ValidationFailed

POLL_SECONDS = 0.25
MOST_LISTED = 10_000

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Service = Annotated[str, typer.Option(help=f"Only events of {NAMES_ALL}.")]
Stream = Annotated[str, typer.Option(help="Only events of one stream, such as instrument-AAPL.")]
OfType = Annotated[str, typer.Option("--type", help="Only events of one type, such as PricesUpdated.")]
events = typer.Typer(help="Everything that happened, as each service recorded it.", no_args_is_help=True)
events.add_typer(parked, name="parked")


class ProjectionsDiffer(BellwetherError):
    """Raised when rows are not what the record says; `bellwether events rebuild` puts them right."""

    status, slug, title = 409, "projections-differ", "Rows differ from the record"


@events.command(name="list")
def list_events(  # noqa: PLR0917 - typer maps options by name
    service: Service = "",
    stream: Stream = "",
    type_: OfType = "",
    since: Annotated[str, typer.Option(help="A time (UTC), or how long ago: 15min, 2h, 7d.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest events, oldest of them first."""
    with command_edge(as_json=as_json):
        if not 1 <= limit <= MOST_LISTED:
            raise ValidationFailed(f"--limit {limit}: give 1 to {MOST_LISTED:,}.", field="limit")
        chosen = {"stream": stream_named(stream), "type": type_named(type_), "since": moment_of(since)}
        services = whose(service)
        with open_system():
            rows = [event_output.as_dict(*each) for each in _newest(services, limit=limit, **chosen)]
            (output.print_json if as_json else event_output.print_events)({"events": rows})


@events.command(name="show")
def show_event(
    event: Annotated[str, typer.Argument(metavar="ID", help="The event's id, or its first 8 characters.")],
    as_json: AsJson = False,
) -> None:
    """Show an event whole, and what became of it in each service that receives it."""
    with command_edge(as_json=as_json), open_system():
        from shared.eventstore.history import event_named, whereabouts_of
        from shared.messaging.topology import subscribers_of

        service, row = event_named(whose(""), event)
        whereabouts = whereabouts_of(service, row.event_id, subscribers_of(service))
        found = event_output.as_dict(service, row) | event_output.in_whole(row, whereabouts)
        (output.print_json if as_json else event_output.print_event)(found)


@events.command(name="tail")
def tail_events(
    service: Service = "",
    stream: Stream = "",
    type_: OfType = "",
    last: Annotated[int, typer.Option(help="How many of those before to begin with.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Follow the events as they are committed, until Ctrl-C."""
    with command_edge(as_json=as_json):
        if not 0 <= last <= MOST_LISTED:
            raise ValidationFailed(f"--last {last}: give 0 to {MOST_LISTED:,}.", field="last")
        chosen = {"stream": stream_named(stream), "type": type_named(type_)}
        services = whose(service)
        with open_system():
            try:
                _follow(services, last=last, as_json=as_json, **chosen)
            except KeyboardInterrupt:
                return  # the one way to end it, and so no failure


@events.command(name="rebuild")
def rebuild_projections(
    service: Annotated[str, typer.Argument(help=f"{NAMES_ALL}.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="All services, one after the other.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit with 1 when rows differ.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay the record and put each row right that differs from it, while all goes on."""
    with command_edge(as_json=as_json):
        if bool(service) == all_:
            raise ValidationFailed(f"Name one service, {NAMES_ALL}, or give --all.", field="service")
        services = whose(service)
        with open_system():
            done = {name: _replayed(name, keeps=not check) for name in services}
        shown = {"checked_only": check, "services": done}
        (output.print_json if as_json else event_output.print_rebuilt)(shown)
        wrong = sum(sum(each["differences"].values()) for each in done.values())
        if check and wrong:
            raise ProjectionsDiffer(f"{wrong:,} row(s) differ from the record: rebuild them without --check.")


@events.command(name="redeliver")
def redeliver(  # noqa: PLR0917 - typer maps options by name
    since: Annotated[str, typer.Option(help="Those recorded since a time (UTC), or 15min, 2h, 7d ago.")] = "",
    event: Annotated[str, typer.Option(help="The one with this id, or its first 8 characters.")] = "",
    stream: Annotated[str, typer.Option(help="Those of a stream, such as instrument-AAPL.")] = "",
    service: Service = "",
    to: Annotated[str, typer.Option(help="Hand them to this service at once, without the bus.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send events once more; whoever has handled one already does nothing again."""
    with command_edge(as_json=as_json):
        if bool(since) + bool(event) + bool(stream) != 1:
            raise ValidationFailed("Give just one of --since, --event and --stream.")
        sources, moment, named = whose(service), moment_of(since), stream_named(stream)
        (receiver,) = whose(to) if to else ("",)
        with open_system(), as_command():
            sources, which = events_asked_for(sources, since=moment, event=event, stream=named)
            done = _taken_again(receiver, sources, which) if to else _sent_again(sources, which)
            (output.print_json if as_json else event_output.print_redelivered)(done)


def why(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of a report, run, forecast, fetch, job or event; 8 characters do. Or a stream: instrument-AAPL.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell where a result comes from: back over its causes to the answers of the provider."""
    with command_edge(as_json=as_json), open_system():
        from services.ingest.quota.selectors import calls_for
        from shared.eventstore.history import event_by_id, events_of, is_id, named
        from shared.eventstore.lineage import key_of, origin_of

        services = whose("")
        start = named(services, what)
        origin = origin_of(
            start,
            event_of=lambda event_id: event_by_id(services, event_id),
            events_of_key=lambda key: events_of(services, key),
        )
        keys = dict.fromkeys(key_of(step.event) for step in origin.walk() if step.event.source == "ingest")
        calls = {key: calls_for(UUID(key)) for key in keys if is_id(key)}
        if as_json:
            output.print_json(event_output.origin_as_dict(origin, calls))
        else:
            event_output.print_origin(origin, calls)


def _newest(services: tuple[str, ...], *, limit: int, **chosen: Any) -> list[tuple[str, Any]]:
    from shared.eventstore.history import events as recorded

    found = [(service, row) for service in services for row in recorded(service, **chosen)[:limit]]
    return sorted(found, key=_when)[-limit:]


def _when(found: tuple[str, Any]) -> tuple[Any, ...]:
    service, row = found
    return row.recorded_at, service, row.position


def _follow(services: tuple[str, ...], *, last: int, as_json: bool, **chosen: str) -> None:
    from shared.eventstore.history import Follower

    show = event_output.print_event_json if as_json else event_output.print_event_line
    followers = [Follower(service, **chosen) for service in services]
    while not all(follower.begin() for follower in followers):
        time.sleep(POLL_SECONDS)
    began = {follower.service: follower.began_after or 0 for follower in followers}
    before = _newest(services, limit=last, **chosen) if last else []
    if not as_json:
        event_output.print_event_header()
    for service, row in before:
        if row.position <= began[service]:
            show(event_output.as_dict(service, row))
    while True:
        new = [(follower.service, row) for follower in followers for row in follower.new()]
        for service, row in sorted(new, key=_when):
            show(event_output.as_dict(service, row))
        time.sleep(POLL_SECONDS)


def _replayed(service: str, *, keeps: bool) -> dict[str, Any]:
    from deploy.postgres.owner import as_owner
    from shared.eventstore.rebuild import replay

    with as_owner(), event_output.progress_of(service) as progress:
        done = replay(service, keeps=keeps, progress=progress)
    return {"events": done.events, "differences": done.differences}


def _sent_again(sources: tuple[str, ...], which: Any) -> dict[str, Any]:
    from shared.eventstore.redelivery import published, send_again

    unsent = {source: published(source, which).filter(sent_at=None).count() for source in sources}
    counts = {source: {"events": send_again(source, which), "unsent": unsent[source]} for source in sources}
    return {"to": None, "sources": counts}


def _taken_again(receiver: str, sources: tuple[str, ...], which: Any) -> dict[str, Any]:
    from shared.eventstore.redelivery import take_again
    from shared.messaging.topology import SUBSCRIPTIONS

    hears = SUBSCRIPTIONS.get(receiver, ())
    if not hears:
        raise NotFound(f"{receiver} listens to no other service.")
    heard = [source for source in hears if source in sources]
    if not heard:
        raise NotFound(f"{receiver} listens to {' and '.join(hears)}, not to {' or '.join(sources)}.")
    with told_in_words():
        taken = {source: take_again(receiver, source, which, pause=time.sleep) for source in heard}
    return {"to": receiver, "sources": {source: asdict(each) for source, each in taken.items()}}
