"""A provider in memory that answers as it is told, and what tests of quota share."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from services.ingest.providers.calls import (
    Access,
    Call,
    RawAnswer,
    Reading,
    SeriesRequest,
    Verdict,
)
from services.ingest.providers.domain import DailySeries
from services.ingest.quota.services import ask

KEY = "S3cret/key+1=%~é"
FETCH = UUID("11111111-1111-4111-8111-111111111111")
DAILY = Call(name="prices", function="TIME_SERIES_DAILY", subject="IBM")
FULL = Call(name="prices", function="TIME_SERIES_DAILY", subject="IBM", capability="full_history")
DATA = Reading(verdict=Verdict.DATA)

type Said = Reading | Exception | Callable[[], Reading]


def read(verdict: Verdict, detail: str = "") -> Reading:
    return Reading(verdict=verdict, detail=detail)


class Vendor:
    """Answers each call with the next thing it is told to say; `sent` are the calls it got."""

    name = "alphavantage"
    attribution = "a test"
    needs_key = True

    def __init__(self, *says: Said, body: bytes = b"{}", while_sending: Callable[[], object] = bool) -> None:
        self._says, self._body, self._while_sending = list(says), body, while_sending
        self.sent: list[Call] = []
        self.access: Access | None = None

    def send(self, call: Call, access: Access) -> RawAnswer:
        self.sent.append(call)
        self.access = access
        self._while_sending()
        if isinstance(self._says[0], Exception):
            raise self._says.pop(0)  # type: ignore[misc]
        return RawAnswer(status=200, body=self._body)

    def understand(self, call: Call, answer: RawAnswer) -> Reading:
        said = self._says.pop(0)
        assert not isinstance(said, Exception)
        return said if isinstance(said, Reading) else said()

    def series_calls(self, request: SeriesRequest, *, capabilities: Mapping[str, bool]) -> tuple[Call, ...]:
        return (DAILY,)

    def read_series(
        self, request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime
    ) -> DailySeries:
        raise AssertionError("no test of quota reads a series")

    def lookup_call(self, kind: str, subject: str, on: date | None) -> Call:
        raise AssertionError("no test of quota reads a series")

    def read_lookup(self, kind: str, subject: str, body: bytes, *, now: datetime) -> list[dict[str, Any]]:
        raise AssertionError("no test of quota reads a series")


def asking(vendor: Vendor, call: Call = DAILY, *, now: datetime | None = None) -> bytes:
    return ask(provider=vendor, call=call, asked_by=FETCH, now=now or timezone.now())
