"""What is asked of a remote provider, one call at a time, and how its answers are understood.

A provider says which calls it needs, sends one, understands what came back and, once it has all of them, reads
the series: so each call is counted, kept and repeated on its own, whoever makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from services.ingest.providers.domain import DailySeries


class Verdict(StrEnum):
    """What an answer is. Only `data` holds any; the call ledger shows the word."""

    DATA = "data"
    NOT_FOUND = "not-found"
    BAD_KEY = "bad-key"
    DEMO_KEY = "demo-key"
    UNKNOWN_FUNCTION = "unknown-function"
    INVALID_CALL = "invalid-call"
    DAILY_LIMIT = "daily-limit"
    BURST = "burst"
    MINUTE_LIMIT = "minute-limit"
    VOLUME = "volume"
    PREMIUM_ENDPOINT = "premium-endpoint"
    PREMIUM_PARAMETER = "premium-parameter"
    UNKNOWN_NOTICE = "unknown-notice"
    TRANSPORT = "transport"
    BAD_DATA = "bad-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRequest:
    """Daily prices from `start` to `end`, both included (None: all there are), and the actions if asked.

    `held_from` is the oldest stored session of the symbol and `held_to` the newest, None without any. `today` is
    the day in New York; where it is None a provider cannot tell how far back its newest rows reach.
    """

    symbol: str
    start: date | None
    end: date | None
    with_actions: bool
    held_from: date | None = None
    held_to: date | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question. `name` tells it apart within its request, `function` is the vendor's word for it.

    `params` do not hold the key. `capability` is what a key must permit for it, such as `full_history`.
    """

    name: str
    function: str
    subject: str
    params: tuple[tuple[str, str], ...] = ()
    path: str = ""
    capability: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a provider is reached; `key` is empty where none is needed."""

    base_url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """What came back: an HTTP status and a body nobody has looked at."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How an answer was understood; `detail` is the vendor's own words (at most 300 characters), or empty.

    An answer with data may have a detail too: a notice beside a valid series. It `shows_capability` unless the
    data are what a key without the call's capability would be given too.
    """

    verdict: Verdict
    detail: str = ""
    shows_capability: bool = True


class RemoteProvider(Protocol):
    """A provider that takes calls."""

    @property
    def name(self) -> str:
        """The stable word that requests, bars and events carry; settings begin with it in capitals."""

    @property
    def attribution(self) -> str:
        """Where the data comes from and under which terms."""

    @property
    def needs_key(self) -> bool:
        """Whether calls take a key."""

    def series_calls(self, request: SeriesRequest, *, capabilities: Mapping[str, bool]) -> tuple[Call, ...]:
        """Return what must be asked for a series, given what the key is known to permit or not.

        Nothing, where for all that is known the key's plan has nothing of it.
        """

    def send(self, call: Call, access: Access) -> RawAnswer:
        """Ask, once, within 20 seconds and 8 MiB. Raises ProviderUnavailable, never with the key in it."""

    def understand(self, call: Call, answer: RawAnswer) -> Reading:
        """Return what the answer is."""

    def read_series(
        self, request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime
    ) -> DailySeries:
        """Return the series in the answers by name of call. Raises BadProviderData, SymbolRefused.

        Rows that cannot be true are in `rejected`; above 5 % of them the answer is refused whole. A session that
        was not over at `now` is left out and named in `provisional_session`.
        """

    def lookup_call(self, kind: str, subject: str, on: date | None) -> Call:
        """Return the call that answers a lookup. Raises UnknownLookup where the provider has no such."""

    def read_lookup(self, kind: str, subject: str, body: bytes, *, now: datetime) -> list[dict[str, Any]]:
        """Return the rows of a lookup's answer, JSON-safe with decimals as strings. Raises BadProviderData."""
