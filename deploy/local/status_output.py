"""What people read of the state of the system on the terminal."""

from typing import Any

from deploy.local.checkout import command_line
from deploy.local.output import answers
from deploy.local.tables import table_of

_BROKER = {
    None: "Events travel through PostgreSQL.",
    True: "Events travel through RabbitMQ, which answers.",
    False: "RabbitMQ does not answer; events wait as unsent until it does.",
}
_COUNTS = ("Unsent", "Oldest", "Queued", "Waiting", "Parked", "Open jobs")


def print_status(status: dict[str, Any]) -> None:
    """Show what runs and what waits."""
    answers.print(_running(status), markup=False)
    if (problem := status.get("problem")) is not None:
        answers.print(f"What waits cannot be read now: {problem['detail']}", markup=False)
    if "services" not in status:
        return
    answers.print(_BROKER[status["broker_up"]], markup=False)
    table = table_of("Service", *_COUNTS, numbers=_COUNTS)
    for service, counts in status["services"].items():
        oldest = f"{counts['unsent_seconds']:,.0f} s" if counts["unsent"] else "–"
        queued = "–" if counts["queued"] is None else f"{counts['queued']:,}"
        others = (f"{counts[name]:,}" for name in ("waiting", "parked", "open_jobs"))
        table.add_row(service, f"{counts['unsent']:,}", oldest, queued, *others)
    answers.print(table)
    if any(counts["parked"] for counts in status["services"].values()):
        answers.print(f"Parked messages wait for you: {command_line('events parked list')}", markup=False)
    for name, version in status["instruments"].items():
        answers.print(f"  {name} version {version}", markup=False)


def _running(status: dict[str, Any]) -> str:
    if status["running"]:
        return f"Bellwether runs at {status['url']} ({', '.join(status['processes'])})."
    if names := ", ".join(status["left_behind"]):
        return f"Bellwether was killed and left {names} running: stop them with `{command_line('down')}`."
    return f"Bellwether is not running. Start it with `{command_line('up')}`."
