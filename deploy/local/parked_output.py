"""What people read of parked messages on the terminal."""

from typing import Any

from rich.markup import escape

from deploy.local.checkout import command_line
from deploy.local.event_output import print_indented, short_stream
from deploy.local.output import answers
from deploy.local.tables import table_of
from deploy.local.terminal import in_line
from shared.contracts.codec import MAX_EVENT_BYTES, MalformedEvent, OversizeEvent, instant_text, loads

NOTHING = "–"
LONGEST_TEXT = 2_000
NEVER_RECORDED = "unrecorded-event"


def as_dict(service: str, row: Any) -> dict[str, Any]:
    """Return a parked message without its body and error."""
    from shared.eventstore.parked import ONLY_TO_DROP

    return {
        "service": service,
        "id": row.id,
        "status": row.resolution or "parked",
        "reason": row.slug,
        "only_to_drop": row.resolution is None and row.slug in ONLY_TO_DROP,
        "event_id": str(row.event_id) if row.event_id else None,
        "source": row.source or None,
        "stream": row.stream or None,
        "version": row.version,
        "attempts": row.attempts,
        "parked_at": instant_text(row.parked_at),
        "error_line": (row.error_end.strip().splitlines() or [""])[-1],
    }


def content_of(row: Any) -> dict[str, Any]:
    """Return the whole error, and the body: as JSON if it is that, else as text with what is no text escaped."""
    body = bytes(row.body)
    try:
        shown = loads(body, limit_bytes=max(len(body), MAX_EVENT_BYTES))
    except (MalformedEvent, OversizeEvent):
        shown = body.decode(errors="backslashreplace")
    return {"error": row.detail, "byte_count": len(body), "body": shown}


def print_parked(found: dict[str, Any]) -> None:
    """List parked messages."""
    if not found["parked"]:
        answers.print("Nothing is parked.")
        return
    table = table_of("Service", "Id", "Parked (UTC)", "Reason", "Stream", folds="Stream", numbers=("Id",))
    for row in found["parked"]:
        place = f"{short_stream(row['stream'])} v{row['version']}" if row["stream"] else NOTHING
        mark = "only to drop" if row["only_to_drop"] else row["status"]
        reason = row["reason"] if mark == "parked" else f"{row['reason']}\n({mark})"
        at = row["parked_at"][5:16].replace("T", " ")
        table.add_row(row["service"], str(row["id"]), at, escape(reason), escape(place))
    answers.print(table)
    if found["more"]:
        answers.print(f"… and {found['more']:,} more, which came later: --limit N shows them.", markup=False)
    first = found["parked"][0]
    line = command_line(f"events parked show {first['service']} {first['id']}")
    answers.print(f"  {line} tells why.", markup=False, soft_wrap=True)
    if marked := next((row for row in found["parked"] if row["only_to_drop"]), None):
        answers.print("No retry helps what is only to drop:")
        _print_drop_line(marked["service"])


def print_parked_message(row: dict[str, Any]) -> None:
    """Show a parked message whole."""
    answers.print(f"Parked message {row['id']} of {row['service']}: {row['reason']}", markup=False)
    place = f"{row['stream']}, version {row['version']} of {row['source']}" if row["stream"] else NOTHING
    lines = {
        "Status": row["status"],
        "Event": row["event_id"] or NOTHING,
        "Stream": place,
        "Parked": f"{row['parked_at'][:19].replace('T', ' ')} UTC, after {row['attempts']} attempt(s)",
        "Size": f"{row['byte_count']:,} bytes",
    }
    if row["status"] == "parked":
        lines["Next"] = (
            "only to drop: no retry helps" if row["only_to_drop"] else "retry after the repair, or drop"
        )
    for name, text in lines.items():
        answers.print(f"  {name:<8} {in_line(text)}", markup=False, soft_wrap=True)
    answers.print(row["error"].rstrip(), markup=False, soft_wrap=True)
    if isinstance(row["body"], str):
        rest = len(row["body"]) - LONGEST_TEXT
        answers.print(row["body"][:LONGEST_TEXT], markup=False, soft_wrap=True)
        if rest > 0:
            answers.print(f"… and {rest:,} characters more, all of them with --json", markup=False)
        return
    print_indented(row["body"])


def print_retried(done: dict[str, Any]) -> None:
    """Say what became of each message that was handed in again, and which were left out."""
    if not done["retried"] and not done["only_to_drop"]:
        answers.print("Nothing is parked.")
    for row in done["retried"]:
        answers.print(
            f"Message {row['id']} of {row['service']}: {_outcome(row)}", markup=False, soft_wrap=True
        )
    if done["only_to_drop"]:
        answers.print(f"{done['only_to_drop']:,} message(s) were left out: they can only be dropped:")
        _print_drop_line(done["service"])


def print_dropped(done: dict[str, Any]) -> None:
    """Say which messages were given up, and how their streams went on."""
    dropped = [row["id"] for row in done["dropped"] if row["outcome"] == "dropped"]
    if len(dropped) == 1:
        answers.print(f"Message {dropped[0]} of {done['service']} was dropped without effect.", markup=False)
    elif dropped:
        answers.print(f"{len(dropped):,} messages of {done['service']} were dropped without effect.")
    if done["applied_behind"]:
        answers.print(f"  {done['applied_behind']:,} event(s) that waited behind were applied.", markup=False)
    for row in done["dropped"]:
        if row["outcome"] == "refused":
            answers.print(f"Message {row['id']}: {row['detail']}", markup=False, soft_wrap=True)


def _print_drop_line(service: str) -> None:
    line = command_line(f"events parked drop {service} --all --reason {NEVER_RECORDED}")
    answers.print(f"  {line}", markup=False, soft_wrap=True)


def _outcome(row: dict[str, Any]) -> str:
    match row["outcome"]:
        case "handled":
            return "it was handled."
        case "waiting":
            return "it waits for an earlier event of its stream."
        case "parked":
            return f"it failed again and is parked as {row['parked_as']}: {row['error_line']}"
        case "refused":
            return f"it was not tried: {row['detail']}"
        case _:
            return "it needed nothing."
