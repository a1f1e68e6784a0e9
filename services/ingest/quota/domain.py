"""Whether a provider may be asked, what its answers say about the next call, and how a key is kept unseen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

from services.ingest.providers.calls import Access, Call, Reading, Verdict
from services.ingest.providers.domain import UnknownProvider
from services.ingest.providers.registry import AUTO
from shared.contracts.market_data import CapabilityLearnt, ProviderClosed, ProviderOpened

QUOTA_SCHEMA = "ingest_quota"
FINGERPRINT_DIGITS = 12
PRESSED_SECONDS = 1.25
MINUTE_SECONDS = 60.0
MOST_PRESSED = 3
IN_A_ROW = timedelta(hours=1)  # what was too fast longer ago says nothing about the next call
LEAST_CLOSED = timedelta(hours=1)
PRESSING = {Verdict.BURST, Verdict.VOLUME, Verdict.MINUTE_LIMIT}
KEY_FAULTS = {Verdict.BAD_KEY, Verdict.DEMO_KEY}
PLAN_FAULTS = {Verdict.PREMIUM_ENDPOINT, Verdict.PREMIUM_PARAMETER}
FAILING = {Verdict.TRANSPORT, Verdict.UNKNOWN_NOTICE}
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
PAUSE_GROWTH, MOST_GROWTHS = 3, 6  # so an outage of a day takes nine calls
OUTAGE_MEMORY = timedelta(days=2)  # holds enough of the longest pauses for the next to be as long
MOST_ANSWERS = 40  # that tell of the next call
SHORTEST_WAIT = timedelta(minutes=1)  # below it a wait is for the pace of calls, not for their number
LONGEST_CALL = timedelta(seconds=30)  # one without an answer by then has nobody any more who waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How we stand with a provider by our settings; `limits` are calls and seconds, both rising.

    `key` is empty where none is set or needed.
    """

    provider: str
    base_url: str
    key: str = field(repr=False)
    needs_key: bool
    is_on: bool
    limits: tuple[tuple[int, float], ...]

    @property
    def fingerprint(self) -> str:
        """Return what tells the key apart from others; empty without one."""
        return fingerprint(self.key)

    @property
    def stream(self) -> str:
        """Return the stream of what is learnt about the provider with this key."""
        return f"provider-{self.provider}-{self.fingerprint}"

    @property
    def bucket(self) -> str:
        """Return the name of the bucket that counts the calls with this key."""
        return f"{self.provider}_{self.fingerprint or 'keyless'}"

    @property
    def longest(self) -> timedelta:
        """Return the longest time over which calls are limited."""
        return timedelta(seconds=self.limits[-1][1])

    @property
    def access(self) -> Access:
        """Return what a call needs to reach the provider."""
        return Access(base_url=self.base_url, key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a provider takes no calls, since when and `until` when (None: until the key is another one)."""

    verdict: str
    detail: str
    since: datetime
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Return whether the provider must not be asked at `now`."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much of one limit is used: `calls` in any `seconds`, and when the next of them frees (None: all are)."""

    calls: int
    seconds: float
    used: int
    left: int
    frees_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How one call was answered, `at` when, and in which words, if in any."""

    verdict: Verdict
    sent_at: datetime
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A provider that fails all who ask: how often in a row, in which words last, and `until` when it is left alone."""

    failures: int
    detail: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known with a call's answer: `answers` are the last ones, newest first, this one among them.

    `earlier_sent_at` is when the oldest other call within the longest limit was sent, None without any.
    """

    answered_at: datetime
    answers: Sequence[Answered]
    capabilities: Mapping[str, bool]
    closure: Closure | None
    earlier_sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job that waits for the provider that it `waits_for`; it was to ask `provider`, and `has_asked` some already."""

    job_id: UUID
    provider: str
    waits_for: str
    has_asked: frozenset[str]


type Lesson = CapabilityLearnt | ProviderClosed | ProviderOpened


def account_of(name: str, settings: Mapping[str, Any]) -> Account:
    """Return how we stand with the provider of that name. Raises UnknownProvider for one without limits."""
    prefix, ending = name.upper(), "_LIMITS"
    known = {setting for setting in settings if setting.endswith(ending)}
    if prefix + ending not in known or not name.islower():
        names = tuple(sorted(setting.removesuffix(ending).lower() for setting in known))
        raise UnknownProvider(name=name, known=names)
    return Account(
        provider=name,
        base_url=settings.get(f"{prefix}_BASE_URL") or "",
        key=settings.get(f"{prefix}_API_KEY") or "",
        needs_key=f"{prefix}_API_KEY" in settings,
        is_on=bool(settings.get(f"{prefix}_ENABLED", True)),
        limits=settings[prefix + ending],
    )


def fingerprint(key: str) -> str:
    """Return the first 12 hexadecimal digits of the key's SHA-256, empty without a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:FINGERPRINT_DIGITS] if key else ""


def windows(
    limits: Sequence[tuple[int, float]], counted: Sequence[datetime], *, now: datetime
) -> tuple[Window, ...]:
    """Return the use of each limit at `now`, from the instants of counted calls, newest first.

    Both ends of a window belong to it, and a call frees one millisecond after it: as the bucket counts.
    """
    found = []
    for calls, seconds in limits:
        interval = timedelta(milliseconds=round(seconds * 1000))
        inside = [at for at in counted if at >= now - interval]
        used = len(inside)
        # After a limit was lowered more may be used than permitted: then the oldest ones free nothing.
        oldest = inside[min(used, calls) - 1] if inside else None
        frees_at = oldest + interval + timedelta(milliseconds=1) if oldest else None
        found.append(
            Window(calls=calls, seconds=seconds, used=used, left=max(calls - used, 0), frees_at=frees_at)
        )
    return tuple(found)


def pressed_in_a_row(answers: Sequence[Answered]) -> int:
    """Return how many of the last calls were too many for the provider, from the newest answer on.

    Beyond 4 it makes no difference, so no more are counted.
    """
    recent = [answer for answer in answers if answer.at > answers[0].at - IN_A_ROW][: MOST_PRESSED + 1]
    return next((n for n, answer in enumerate(recent) if answer.verdict not in PRESSING), len(recent))


def paused_until(answers: Sequence[Answered]) -> datetime | None:
    """Return when a provider that was asked too fast is asked again, from the answers, newest first."""
    count = pressed_in_a_row(answers)
    is_minute = bool(answers) and answers[0].verdict is Verdict.MINUTE_LIMIT
    if not count or (count > MOST_PRESSED and not is_minute):
        return None
    seconds = MINUTE_SECONDS if is_minute else PRESSED_SECONDS
    return answers[0].at + timedelta(seconds=seconds * 2 ** (count - 1))


def outage_after(answers: Sequence[Answered]) -> Outage | None:
    """Return the outage that the newest answers, newest first, are failures of; None when the last was none.

    Calls that were under way together met one failure, and any other answer ends the outage.
    """
    failures: list[Answered] = []
    for answer in takewhile(lambda answer: answer.verdict in FAILING, answers):
        if not failures or answer.at <= failures[-1].sent_at:
            failures.append(answer)
    if not failures:
        return None
    last, growth = failures[0], PAUSE_GROWTH ** min(len(failures) - 1, MOST_GROWTHS)
    return Outage(
        failures=len(failures),
        detail=last.detail or last.verdict.value,
        until=last.at + min(FIRST_PAUSE * growth, LONGEST_PAUSE),
    )


def woken(waiting: Sequence[Waiting], left: Mapping[str, int]) -> list[UUID]:
    """Return which jobs, in this order, need not wait any more, given the calls `left` of who takes any now.

    One that may ask anybody goes on for whoever it has not asked yet, and each job is reckoned to take one call.
    """
    left, found = dict(left), list[UUID]()
    for job in waiting:
        others = [name for name in left if job.provider == AUTO and name not in job.has_asked]
        name = next((name for name in (job.waits_for, *others) if left.get(name, 0) > 0), None)
        if name:
            left[name] -= 1
            found.append(job.job_id)
    return found


def capability_of(call: Call) -> str:
    """Return what the key must permit for a call: any function may turn out not to be in its plan."""
    return call.capability or call.function


def lessons(
    account: Account, call: Call, reading: Reading, *, known: Known, seen: Closure | None
) -> tuple[Lesson, ...]:
    """Return what an answer teaches that is not known; `seen` is the closure that was over when it was asked."""
    who = {"provider": account.provider, "key_fingerprint": account.fingerprint}
    is_data, is_refused = reading.verdict is Verdict.DATA, reading.verdict in PLAN_FAULTS
    capability, found = capability_of(call), list[Lesson]()
    shows = is_refused or (is_data and call.capability and reading.shows_capability)
    if shows and known.capabilities.get(capability) is not is_data:
        found.append(CapabilityLearnt(**who, capability=capability, allowed=is_data))
    # One that was closed while this call was under way stays closed: the call was let in before.
    if is_data and seen and known.closure == seen:
        found.append(ProviderOpened(**who))
    elif closes(reading.verdict, known):
        until = None if reading.verdict in KEY_FAULTS else _exhausted_until(account, known)
        found.append(ProviderClosed(**who, verdict=reading.verdict.value, detail=reading.detail, until=until))
    return tuple(found)


def closes(verdict: Verdict, known: Known) -> bool:
    """Return whether the newest answer closes a provider that is open, or closes it for good."""
    is_for_good = verdict in KEY_FAULTS
    # A limit on a minute or an hour passes, however often it is met.
    is_pressed = verdict is not Verdict.MINUTE_LIMIT and pressed_in_a_row(known.answers) > MOST_PRESSED
    is_exhausted = verdict is Verdict.DAILY_LIMIT or is_pressed
    closure = known.closure
    is_closed = closure is not None and closure.holds(known.answered_at)
    if is_closed and is_for_good:
        return closure is not None and closure.until is not None
    return (is_for_good or is_exhausted) and not is_closed


def _exhausted_until(account: Account, known: Known) -> datetime:
    """Return when our oldest call leaves the longest window; without one, others used the quota up.

    From when on a provider counts is not documented, so an exhausted one is asked once an hour at most.
    """
    soonest = known.answered_at + LEAST_CLOSED
    return max(soonest, known.earlier_sent_at + account.longest) if known.earlier_sent_at else soonest
