"""What `up` writes down for `down` and `status`: who supervises and what runs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.state import StateFolder


@dataclass(frozen=True, slots=True)
class Identity:
    """A process told apart from a later one with the same number by when it started (clock ticks since boot)."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return the identity of a living process; one that only waits to be reaped counts as ended."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    def is_alive(self) -> bool:
        """Return whether this very process still runs."""
        return Identity.of(self.pid) == self


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What `up` writes for `down` and `status`: who supervises, what runs, and where it answers."""

    supervisor: Identity
    url: str
    children: dict[str, Identity]


def write_record(state: StateFolder, *, url: str, supervisor: int, children: Mapping[str, int]) -> None:
    """Store the record whole; a child that has already ended is left out."""
    identity = Identity.of(supervisor)
    if identity is None:
        raise ProcessLookupError(f"process {supervisor} has ended")
    running = {name: found for name, pid in children.items() if (found := Identity.of(pid)) is not None}
    path = _path(state)
    draft = path.with_suffix(".partial")
    draft.write_text(json.dumps(asdict(Record(supervisor=identity, url=url, children=running))))
    draft.replace(path)


def read_record(state: StateFolder) -> Record | None:
    """Return the stored record, or None when there is none that can be read."""
    try:
        stored = json.loads(_path(state).read_text())
        return Record(
            supervisor=Identity(**stored["supervisor"]),
            url=stored["url"],
            children={name: Identity(**identity) for name, identity in stored["children"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none was written, or by a version that wrote it otherwise


def remove_record(state: StateFolder) -> None:
    """Forget the record."""
    _path(state).unlink(missing_ok=True)


def _path(state: StateFolder) -> Path:
    return state.run / "up.json"
