"""Waits until the worker has done what a command asked a service for."""

import time
from collections.abc import Callable
from typing import Any

from deploy.local.errors import LauncherError
from deploy.local.system import Worker
from shared.errors import BellwetherError, NotFound

OPEN = {"queued", "running", "waiting_quota"}
POLL_SECONDS = 0.02
WAIT_SECONDS = 120.0


class StepFailed(BellwetherError):
    """Raised when a job ended without the result that a command waits for; `job` is its whole row."""

    status, slug, title = 502, "job-failed", "The job did not succeed"


class TookTooLong(LauncherError):
    """Raised when the worker did not finish a job within two minutes."""

    status, slug, title = 504, "took-too-long", "The job takes too long"


def wait_for[T](
    read: Callable[[], T], *, worker: Worker, is_enough: Callable[[T], bool] = lambda _row: False
) -> T:
    """Read until the row is there and its work is over, or `is_enough` as it is.

    Raises TookTooLong and ProcessFailed.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            row = read()
        except NotFound:
            row = None
        if row is not None and (getattr(row, "state", "done") not in OPEN or is_enough(row)):
            return row
        worker.check()
        time.sleep(POLL_SECONDS)
    raise TookTooLong(f"Nothing came in {WAIT_SECONDS:.0f} s; see {worker.log}.")


def require_success(what: str, row: Any) -> None:
    """Raise StepFailed unless the work succeeded."""
    if row.state != "succeeded":
        detail = (row.problem or {}).get("detail", "no reason was recorded")
        raise StepFailed(f"The {what} of {row.symbol} is {row.state}: {detail}", error=row.problem)
