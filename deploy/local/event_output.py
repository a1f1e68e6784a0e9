"""What people read of events on the terminal, and what programs do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.tree import Tree

from deploy.local.checkout import command_line
from deploy.local.output import answers, progress
from deploy.local.tables import SHORT_ID, table_of
from deploy.local.terminal import in_line, json_text
from shared.contracts.codec import instant_text, to_json
from shared.contracts.envelope import Envelope
from shared.eventstore.lineage import Origin

LINE, PLACE_WIDTH = "{:<14}  {:<8}  {:<19}  {}", 33  # of 80 columns
LONG_KEY = 36  # of an id; names are shorter


def as_dict(service: str, row: Any) -> dict[str, Any]:
    """Return a stored event without its data."""
    return {
        "event_id": str(row.event_id),
        "service": service,
        "position": row.position,
        "stream": row.stream,
        "version": row.version,
        "type": row.type,
        "schema_version": row.schema_version,
        "correlation_id": str(row.correlation_id),
        "causation_id": str(row.causation_id) if row.causation_id else None,
        "occurred_at": instant_text(row.occurred_at),
        "recorded_at": instant_text(row.recorded_at),
    }


def in_whole(row: Any, whereabouts: dict[str, Any]) -> dict[str, Any]:
    """Return an event's data, and where it was sent and received."""
    return {"data": row.data, **to_json(whereabouts)}


def print_events(found: dict[str, Any]) -> None:
    """List events in a line each."""
    if not found["events"]:
        answers.print("There are none.")
        return
    print_event_header()
    for event in found["events"]:
        print_event_line(event)


def print_event_header() -> None:
    """Say what the parts of a line are."""
    answers.print(
        f"[dim]{LINE.format('Recorded (UTC)', 'Id', 'Type', 'Stream and version')}[/]", soft_wrap=True
    )


def print_event_line(event: dict[str, Any]) -> None:
    """Show an event in one line."""
    at, version = event["recorded_at"][5:19].replace("T", " "), f" v{event['version']}"
    place = f"{event['service']}/{short_stream(event['stream'])}"
    if len(place + version) > PLACE_WIDTH:
        place = f"{place[: PLACE_WIDTH - len(version) - 1]}…"
    place += version
    line = LINE.format(at, event["event_id"][:SHORT_ID], event["type"], place)
    answers.print(line, markup=False, soft_wrap=True)


def print_event_json(event: dict[str, Any]) -> None:
    """Write an event as one line of JSON."""
    answers.print(json_text(event), markup=False, soft_wrap=True)


def print_event(event: dict[str, Any]) -> None:
    """Show an event whole."""
    answers.print(f"[bold]{event['type']}[/] (schema version {event['schema_version']})")
    rows = {
        "Id": event["event_id"],
        "Stream": f"{event['stream']}, version {event['version']}",
        "Service": f"{event['service']}, position {event['position']:,}",
        "Occurred": _second(event["occurred_at"]),
        "Recorded": _second(event["recorded_at"]),
        "Correlation": event["correlation_id"],
        "Caused by": event["causation_id"] or "nothing on record: it was asked for",
        "Sent": _sent(event),
    }
    for receipt in event["received"]:
        rows[f"In {receipt['service']}"] = _receipt_text(receipt)
    for name, text in rows.items():
        answers.print(f"  {name:<13} {in_line(text)}", markup=False, soft_wrap=True)
    print_indented(event["data"])


def print_indented(value: Any) -> None:
    """Show JSON as it is easily read."""
    answers.print(json_text(value, indent=2), markup=False, soft_wrap=True)


@contextmanager
def progress_of(service: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many events are done: as a bar, or in a line for each tenth where none is seen."""
    if not progress.is_terminal:
        yield _tenths(service)
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress) as bar:
        task = bar.add_task(service, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_rebuilt(done: dict[str, Any]) -> None:
    """Show how many rows of each projection were wrong."""
    counted = "Rows that differ" if done["checked_only"] else "Rows put right"
    table = table_of("Service", "Projection", counted, numbers=[counted])
    for service, each in done["services"].items():
        for name, count in each["differences"].items():
            table.add_row(service, name, f"[bold red]{count:,}[/]" if count else "0")
    answers.print(table)
    counts = ", ".join(f"{each['events']:,} of {service}" for service, each in done["services"].items())
    answers.print(f"Events replayed: {counts}.", markup=False)


def print_redelivered(done: dict[str, Any]) -> None:
    """Say what was sent again, or what a service took."""
    if done["to"]:
        _print_retaken(done)
        return
    total, unsent = _sum(done, "events"), _sum(done, "unsent")
    counts = ", ".join(f"{each['events']:,} of {source}" for source, each in done["sources"].items())
    if total:
        answers.print(f"{total:,} event(s) will be sent again ({counts}).", markup=False)
    elif not unsent:
        answers.print("Nothing was published in that time.")
    if unsent:
        answers.print(f"{unsent:,} event(s) wait to be sent as it is.", markup=False)
    if total or unsent:
        answers.print(f"  They leave while {command_line('up')} runs.", markup=False)


def _print_retaken(done: dict[str, Any]) -> None:
    total, new, parked = (_sum(done, name) for name in ("events", "new", "parked"))
    if total or not parked:
        had = f"; {new:,} of them it had missed" if total else ": nothing was published in that time"
        answers.print(f"{done['to']} was given {total:,} event(s) again{had}.", markup=False)
    if parked:
        answers.print(f"{parked:,} event(s) wait there, set aside with their error:", markup=False)
        answers.print(f"  {command_line('events parked list')} --service {done['to']}", markup=False)


def _sum(done: dict[str, Any], name: str) -> int:
    return sum(each[name] for each in done["sources"].values())


def print_origin(origin: Origin, calls: Mapping[str, Sequence[Any]]) -> None:
    """Draw the way back from an event to the provider's answers."""
    tree = Tree(_step(origin.event))
    _grow(tree, origin)
    answers.print(tree)
    for each in _read_from_files(origin):
        answers.print(
            f"Read from [bold]{escape(each['file'])}[/], for version {each['version']}", soft_wrap=True
        )
        answers.print(Padding(escape(each["attribution"]), (0, 0, 0, 2)))
    for key, found in calls.items():
        for call in found:
            _print_call(key, _call(call))
    answers.print(f"Correlation {origin.event.correlation_id}", markup=False)


def origin_as_dict(origin: Origin, calls: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the way back as a list of events, each naming by ids what it goes back to, and the provider's answers."""
    return {
        "correlation_id": str(origin.event.correlation_id),
        "chain": [
            {
                **{name: value for name, value in to_json(step.event).items() if name != "data"},
                "because": [str(each.event.event_id) for each in step.because],
                "missing": [str(each) for each in step.missing],
            }
            for step in origin.walk()
        ],
        "answers": [_call(call) for found in calls.values() for call in found],
        "files": _read_from_files(origin),
    }


def _read_from_files(origin: Origin) -> list[dict[str, Any]]:
    """Return the bundled files that prices go back to; no call was made for them."""
    steps = (step.event.data for step in origin.walk() if step.event.type == "PricesUpdated")
    return [
        {
            "file": f"{data['provider']}/{data['symbol']}.csv",
            "version": data["version"],
            "attribution": data["attribution"],
        }
        for data in steps
        if data["provider"] == "bundled"
    ]


def short_stream(stream: str) -> str:
    """Return a stream's name with no more of an id than tells it apart."""
    category, _, key = in_line(stream).partition("-")
    return f"{category}-{key[:SHORT_ID]}…" if len(key) == LONG_KEY else in_line(stream)


def _grow(tree: Tree, origin: Origin) -> None:
    for each in origin.because:
        again = " [dim](as above)[/]" if each.is_repeated else ""
        _grow(tree.add(_step(each.event) + again), each)
    for lost in origin.missing:
        tree.add(f"[yellow]{lost} is not on record[/]")


def _step(event: Envelope) -> str:
    data = event.data
    about = [str(data[name]) for name in ("symbol",) if name in data]
    about += [f"v{data[name]}" for name in ("data_version", "version") if isinstance(data.get(name), int)][:1]
    about += [f"from {data['provider']}"] if "provider" in data else []
    first = f"[bold]{event.type}[/] {escape(' '.join(about))}".rstrip()
    at = _second(instant_text(event.occurred_at))
    return f"{first}\n[dim]{event.source}/{escape(short_stream(event.stream))} v{event.version}, {at}[/]"


def _call(call: Any) -> dict[str, Any]:
    names = (
        "provider",
        "function",
        "subject",
        "sent_at",
        "answered_at",
        "verdict",
        "http_status",
        "byte_count",
    )
    return {"asked_by": str(call.asked_by)} | {
        name: to_json(getattr(call, name)) for name in (*names, "body_sha256")
    }


def _print_call(key: str, call: dict[str, Any]) -> None:
    about = f"{call['provider']} {call['function']} {call['subject']}".rstrip()
    answer = (
        f"{call['verdict']}, {call['byte_count'] or 0:,} bytes" if call["verdict"] else "no answer is known"
    )
    answers.print(f"Fetched for {key[:SHORT_ID]}…: [bold]{escape(about)}[/]", soft_wrap=True)
    answers.print(f"  {_second(call['sent_at'])}, answered: {answer}", markup=False, soft_wrap=True)
    if call["body_sha256"]:
        answers.print(f"  sha256 {call['body_sha256']}", markup=False, soft_wrap=True)


def _tenths(service: str) -> Callable[[int, int], None]:
    last = [-1]

    def tell(done: int, total: int) -> None:
        tenth = 10 * done // total if total else 10
        if tenth > last[0]:
            last[0] = tenth
            progress.print(f"{service}: {done:,} of {total:,} events", markup=False)

    return tell


def _sent(event: dict[str, Any]) -> str:
    if not event["published"]:
        return "no, it stays in its service"
    return _second(event["sent_at"]) if event["sent_at"] else "not yet"


def _receipt_text(receipt: dict[str, Any]) -> str:
    if receipt["status"] == "missing":
        return "not received"
    shown = f"; see {command_line('events parked show')} {receipt['service']} {receipt['parked_id']}"
    at = _second(receipt["at"])
    return f"{receipt['status']} {at}{shown if receipt['parked_id'] else ''}"


def _second(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M:%S} UTC"
