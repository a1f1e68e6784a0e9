"""What people read of parked messages on the terminal."""

from typing import Any

from rich.table import Table

from deploy.local.checkout import command_line
from deploy.local.event_output import print_indented, short_stream
from deploy.local.output import answers
from shared.contracts.codec import MAX_EVENT_BYTES, MalformedEvent, OversizeEvent, instant_text, loads

NOTHING = "–"
LONGEST_TEXT = 2_000


def as_dict(service: str, row: Any) -> dict[str, Any]:
    """Return a parked message without its body and error."""
    return {
        "service": service,
        "id": row.id,
        "status": row.resolution or "parked",
        "reason": row.slug,
        "event_id": str(row.event_id) if row.event_id else None,
        "source": row.source or None,
        "stream": row.stream or None,
        "version": row.version,
        "attempts": row.attempts,
        "parked_at": instant_text(row.parked_at),
        "error_line": (row.detail.strip().splitlines() or [""])[-1],
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
    table = Table("Service", "Id", "Parked (UTC)", "Reason", "Stream")
    for row in found["parked"]:
        place = f"{short_stream(row['stream'])} v{row['version']}" if row["stream"] else NOTHING
        reason = row["reason"] if row["status"] == "parked" else f"{row['reason']} ({row['status']})"
        table.add_row(row["service"], str(row["id"]), row["parked_at"][5:16].replace("T", " "), reason, place)
    answers.print(table)
    first = found["parked"][0]
    answers.print(
        f"  {command_line('events parked show')} {first['service']} {first['id']} tells why.", markup=False
    )


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
    for name, text in lines.items():
        answers.print(f"  {name:<8} {text}", markup=False, soft_wrap=True)
    answers.print(row["error"].rstrip(), markup=False, soft_wrap=True)
    if isinstance(row["body"], str):
        rest = len(row["body"]) - LONGEST_TEXT
        answers.print(row["body"][:LONGEST_TEXT], markup=False, soft_wrap=True)
        if rest > 0:
            answers.print(f"… and {rest:,} characters more, all of them with --json", markup=False)
        return
    print_indented(row["body"])


def print_retried(done: dict[str, Any]) -> None:
    """Say what became of each message that was handed in again."""
    if not done["retried"]:
        answers.print("Nothing is parked.")
    for row in done["retried"]:
        answers.print(
            f"Message {row['id']} of {row['service']}: {_outcome(row)}", markup=False, soft_wrap=True
        )


def print_dropped(row: dict[str, Any]) -> None:
    """Say that a message was given up, and how its stream went on."""
    answers.print(f"Message {row['id']} of {row['service']} was dropped without effect.", markup=False)
    if row["applied_behind"]:
        answers.print(
            f"  {row['applied_behind']:,} event(s) that waited behind it were applied.", markup=False
        )


def _outcome(row: dict[str, Any]) -> str:
    match row["outcome"]:
        case "handled":
            return "it was handled."
        case "waiting":
            return "it waits for an earlier event of its stream."
        case "parked":
            return f"it failed again and is parked as {row['parked_as']}: {row['error_line']}"
        case _:
            return "it needed nothing."
