"""What a watch list may hold, and which of its symbols are refreshed next, why and when.

The plan follows from what is stored and what was tried, never from a schedule, so a missed night or a week's
outage heals by itself. Who has waited for most sessions comes first: a symbol behind the last final session for
those that it lacks, one that was never fetched for those since its list was saved. So every symbol has its turn
under any number of calls, and among equals the one that takes fewest calls leaves most for others. Calls that a
night's prices leave over ask for splits and dividends too, of whom they were not asked for longest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from heapq import heapify, heappop, heappush

from services.ingest.fetches.domain import last_final_session
from services.ingest.providers.answers import FINAL_AFTER
from services.ingest.sessions.domain import FIRST_DATE, next_sessions, session_times, sessions_between
from shared.errors import ValidationFailed
from shared.symbols import normalise_symbol

MOST_SYMBOLS = 500
RESERVED_CALLS = 1  # of each provider, for a person's own question: 24 of 25 are 18 symbols and actions of 3
MEMORY = timedelta(days=30)  # what was tried longer ago counts for nothing
FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(hours=1), timedelta(days=1)
REFUSALS = {"symbol-refused", "unknown-symbol", "nothing-found"}
MOST_REFUSALS = 2  # on days of their own: vendors refuse good symbols too, while they check their rows
LATE_PAUSE = timedelta(hours=2)  # at least; longer the longer it is late
STOPPED_SESSIONS, STOPPED_PAUSE = 5, timedelta(days=7)
ACTIONS_OVERDUE = timedelta(days=28)

# Note [One asks first]
# Whether a provider has the newest session already, one symbol finds out, and the others follow: one call is lost
# on a late evening, and not the calls of the whole day.


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A fetch that brought nothing: when it ended, and the code of its problem."""

    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A symbol of an active watch list, `source` being who is asked when its `provider` is.

    Without a source `hindrance` says why. `held_to` is the newest stored session; `calls` and
    `calls_with_actions` are what a refresh takes. The source answered last at `answered_at`, and about actions
    at `actions_at`; `failures` came since, ascending. While `is_open` a fetch is under way.
    """

    symbol: str
    provider: str
    source: str | None
    hindrance: str
    since: datetime
    held_to: date | None
    calls: int
    calls_with_actions: int
    answered_at: datetime | None
    actions_at: datetime | None
    failures: tuple[Failure, ...]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The calls of one provider: `left` of `calls` in any `window`, the used ones free from `frees_at` on.

    Of those left `spoken_for` belong to fetches that are under way. None is made before `closed_until`.
    """

    calls: int
    left: int
    window: timedelta
    frees_at: datetime | None
    spoken_for: int
    closed_until: datetime | None

    def slots(self, *, now: datetime) -> list[datetime]:
        """Return from when on each call may be made that is not kept for others, as a heap."""
        opens_at = self.closed_until or datetime.min.replace(tzinfo=now.tzinfo)
        free = [opens_at] * self.left + [max(opens_at, self.frees_at or now)] * (self.calls - self.left)
        kept = min(RESERVED_CALLS, self.calls - 1)
        spoken_for = min(self.spoken_for, len(free) - kept)
        found = sorted(free)[kept + spoken_for :] + [now + self.window] * spoken_for
        heapify(found)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A refresh to come, with how many calls, and `at` when at the soonest; None: not at all, for `reason`."""

    symbol: str
    provider: str
    reason: str
    calls: int
    with_actions: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    watched: Watched
    reason: str
    due_at: datetime
    waiting_sessions: int
    with_actions: bool

    @property
    def calls(self) -> int:
        return self.watched.calls_with_actions if self.with_actions else self.watched.calls


def watched_symbols(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the symbols of a watch list, each once, in the order given.

    Raises:
        InvalidSymbol: a text can be no symbol.
        ValidationFailed: there is none, or more than 500.
    """
    symbols = tuple(dict.fromkeys(normalise_symbol(text) for text in texts))
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        raise ValidationFailed(f"A watch list has 1 to {MOST_SYMBOLS} symbols, not {len(symbols)}.")
    return symbols


def behind_sessions(held_to: date, *, now: datetime) -> int:
    """Return how many sessions that are final at `now` came after `held_to`."""
    after = max(held_to + timedelta(days=1), FIRST_DATE)
    return len(sessions_between(after, last_final_session(now)))


def plan(watched: Sequence[Watched], budgets: Mapping[str, Budget], *, now: datetime) -> tuple[Planned, ...]:
    """Return what is refreshed next: what is due in its order, the rest soonest first, then what is left alone.

    `budgets` are those of the sources whose calls are counted. What is under way is not planned again.
    """
    alone: list[Planned] = []
    asked: dict[str, list[Watched]] = {}
    for each in watched:
        reason = _left_alone_because(each)
        if each.source is not None and (each.is_open or reason is None):
            asked.setdefault(each.source, []).append(each)
        elif not each.is_open:
            alone.append(_planned(each, reason or each.hindrance, at=None))
    found: list[Planned] = []
    for source, group in sorted(asked.items()):
        wishes = [wish for wish in _wishes(group, now=now) if not wish.watched.is_open]
        found += _scheduled(wishes, budgets.get(source), now=now)
    return (*sorted(found, key=lambda planned: max(planned.at or now, now)), *alone)


def _left_alone_because(watched: Watched) -> str | None:
    refused_on = sorted({failure.at.date() for failure in watched.failures if failure.code in REFUSALS})
    if len(refused_on) < MOST_REFUSALS:
        return None
    days = f"{refused_on[-2]} and {refused_on[-1]}"
    return f"{watched.source} refused it on {days}; it is left alone until its list is saved again."


def _wishes(group: Sequence[Watched], *, now: datetime) -> list[_Wish]:
    """Return what each symbol of one source needs, in the order of the plan."""
    wishes = sorted(
        (_wish(watched, now=now) for watched in group),
        key=lambda wish: (wish.due_at > now, -wish.waiting_sessions, wish.calls, wish.watched.symbol),
    )
    return _one_first(wishes, now=now)


def _wish(watched: Watched, *, now: datetime) -> _Wish:
    reason, due_at, waiting = _need(watched, now=now)
    if watched.failures:
        last = watched.failures[-1]
        again_at = last.at + _back_off(watched.failures)
        if again_at > due_at:
            reason, due_at = f"{reason} The last try ended with {last.code}.", again_at
    is_overdue = now - (watched.actions_at or watched.since) > ACTIONS_OVERDUE
    is_free = watched.calls_with_actions == watched.calls
    return _Wish(
        watched=watched,
        reason=reason,
        due_at=due_at,
        waiting_sessions=waiting,
        with_actions=watched.held_to is None or is_overdue or is_free,
    )


def _need(watched: Watched, *, now: datetime) -> tuple[str, datetime, int]:
    """Return why a symbol is refreshed next, when that is due, and for how many sessions it has waited."""
    target, held_to, answered_at = last_final_session(now), watched.held_to, watched.answered_at
    if held_to is None:
        waited = behind_sessions(watched.since.date(), now=now)
        return "It was never fetched.", watched.since, waited
    behind = behind_sessions(held_to, now=now)
    if not behind:
        following = next_sessions(max(target, held_to), 1)[0]
        return f"The session of {following} is final then.", _final_at(following), 0
    if answered_at and behind_sessions(held_to, now=answered_at) >= STOPPED_SESSIONS:
        reason = f"{watched.source} has nothing after {held_to} and is asked once a week."
        return reason, answered_at + STOPPED_PAUSE, 0
    reason = f"It is {behind} session{'' if behind == 1 else 's'} behind {target}."
    return reason, _late_until(watched, now=now), behind


def _late_until(watched: Watched, *, now: datetime) -> datetime:
    """Return when the source may be asked for the last final session that it has not given yet."""
    final_at = _final_at(last_final_session(now))
    if watched.answered_at is None or watched.answered_at < final_at:
        return final_at
    return watched.answered_at + max(LATE_PAUSE, watched.answered_at - final_at)


def _one_first(wishes: Sequence[_Wish], *, now: datetime) -> list[_Wish]:
    """Have one symbol ask for the newest session before the others do: see Note [One asks first]."""
    target = last_final_session(now)
    behind = [wish for wish in wishes if wish.waiting_sessions and wish.watched.held_to]
    if not behind or any(wish.watched.held_to and wish.watched.held_to >= target for wish in wishes):
        return list(wishes)
    begins_at = max(_late_until(wish.watched, now=now) for wish in behind)
    follow_at = max(begins_at, now.replace(second=0, microsecond=0)) + timedelta(minutes=1)
    asking = [wish for wish in behind if wish.watched.is_open] or [w for w in behind if w.due_at <= now]
    begins = {wish.watched.symbol: follow_at for wish in behind}
    begins |= {wish.watched.symbol: begins_at for wish in asking[:1]}
    return [
        replace(wish, due_at=max(wish.due_at, begins.get(wish.watched.symbol, wish.due_at)))
        for wish in wishes
    ]


def _back_off(failures: Sequence[Failure]) -> timedelta:
    if failures[-1].code in REFUSALS:
        return LONGEST_BACK_OFF
    doublings = min(len(failures) - 1, 10)
    return min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)


def _scheduled(wishes: Sequence[_Wish], budget: Budget | None, *, now: datetime) -> list[Planned]:
    """Return the wishes of one source with the instants at which its calls, if they are counted, allow for them."""
    slots, found = budget.slots(now=now) if budget else [], []
    for wish in _with_spare(wishes, sum(at <= now for at in slots), now=now):
        taken = [heappop(slots) for _ in range(min(wish.calls, len(slots)))]
        at = max([wish.due_at, *taken])
        for _ in taken:
            heappush(slots, max(at, now) + (budget.window if budget else timedelta()))
        found.append(_planned(wish.watched, wish.reason, at=at, with_actions=wish.with_actions))
    return found


def _with_spare(wishes: Sequence[_Wish], free_now: int, *, now: datetime) -> list[_Wish]:
    """Have actions asked for too, as far as the calls go that are free now and that no price needs."""
    due = [wish for wish in wishes if wish.due_at <= now]
    spare = free_now - sum(wish.calls for wish in wishes if wish.due_at <= now or wish.waiting_sessions)
    widened = set()
    longest_ago = datetime.min.replace(tzinfo=now.tzinfo)
    for wish in sorted(due, key=lambda wish: wish.watched.actions_at or longest_ago):
        extra = wish.watched.calls_with_actions - wish.calls
        if 0 < extra <= spare:
            spare -= extra
            widened.add(wish.watched.symbol)
    return [replace(wish, with_actions=True) if wish.watched.symbol in widened else wish for wish in wishes]


def _planned(watched: Watched, reason: str, *, at: datetime | None, with_actions: bool = False) -> Planned:
    calls = watched.calls_with_actions if with_actions else watched.calls
    return Planned(
        symbol=watched.symbol,
        provider=watched.provider,
        reason=reason,
        calls=calls if at else 0,
        with_actions=with_actions,
        at=at,
    )


def _final_at(session: date) -> datetime:
    return session_times(session).close_at + FINAL_AFTER
