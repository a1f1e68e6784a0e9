"""What clients were told, against what happened: the seven counts of Jepsen's checker of queues, on effects."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`ok` and `recovered` effects were attempted, the latter without an answer; the last three must be 0.

    `lost` were acknowledged and have no effect, `duplicated` are effects beyond the first, `unexpected` are
    effects of what nobody attempted.
    """

    attempted: int
    acknowledged: int
    ok: int
    recovered: int
    lost: int
    duplicated: int
    unexpected: int

    def is_valid(self) -> bool:
        """Return whether every acknowledged write had its effect once, and nothing else had one."""
        return self.lost == self.duplicated == self.unexpected == 0


@dataclass(slots=True)
class Truth:
    """The log of clients: numbers they tried to write, and those they got an answer for."""

    attempted: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)

    def judge(self, effects: Iterable[int]) -> Counts:
        """Count the effects on one place against the log."""
        times = Counter(effects)
        found = times.keys() & self.attempted
        return Counts(
            attempted=len(self.attempted),
            acknowledged=len(self.acknowledged),
            ok=len(found),
            recovered=len(found - self.acknowledged),
            lost=len(self.acknowledged - times.keys()),
            duplicated=sum(count - 1 for number, count in times.items() if number in self.attempted),
            unexpected=sum(count for number, count in times.items() if number not in self.attempted),
        )
