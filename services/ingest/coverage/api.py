"""What is stored of an instrument, over HTTP."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.coverage.selectors import coverage_at
from services.ingest.market.api import AsOf, asked_instrument
from services.ingest.sessions.domain import CALENDAR, CALENDAR_VERSION
from shared.http.conditional import Revalidated
from shared.http.fields import NumberText, symbol_of_address

MOST_NAMED = 1000
_NAMED = ("missing", "extra", "zero_volume", "large_moves")


class SourceRange(serializers.Serializer[Any]):
    """Bars in a row that one provider told."""

    provider = serializers.CharField()
    first_session = serializers.DateField()
    last_session = serializers.DateField()
    session_count = serializers.IntegerField()
    attribution = serializers.CharField()


class LargeMove(serializers.Serializer[Any]):
    """A close more than 20 % from the one stored before it, splits taken into account: -0.25 is a fall by a quarter."""

    session = serializers.DateField()
    change_ratio = NumberText()


class ShowCoverage(Revalidated):
    """Show what is stored of an instrument, who told it, and what is missing of it.

    The stored bars are held against the sessions of the calendar. What this names is a flag and not an error: a
    session without trade has no volume, and a price may fall by a quarter. Of each kind the first 1,000 are
    named, beside their whole count.
    """

    class Query(AsOf):
        """As known when."""

    class Output(serializers.Serializer[Any]):
        """What is stored at `version`.

        `missing` are sessions between the first and the last bar that have none, `extra` bars on days that are no
        session of the calendar as it is now. `stale_sessions` counts those after the last bar up to
        `last_final_session`, the last one that was over for half an hour; its close is not expected to change.
        """

        symbol = serializers.CharField()
        version = serializers.IntegerField()
        calendar = serializers.CharField()
        calendar_version = serializers.CharField()
        first_session = serializers.DateField()
        last_session = serializers.DateField()
        session_count = serializers.IntegerField()
        last_final_session = serializers.DateField()
        stale_sessions = serializers.IntegerField()
        missing_count = serializers.IntegerField()
        missing = serializers.ListField(child=serializers.DateField())
        extra_count = serializers.IntegerField()
        extra = serializers.ListField(child=serializers.DateField())
        zero_volume_count = serializers.IntegerField()
        zero_volume = serializers.ListField(child=serializers.DateField())
        large_moves_count = serializers.IntegerField()
        large_moves = LargeMove(many=True)
        split_count = serializers.IntegerField()
        dividend_count = serializers.IntegerField()
        sources = SourceRange(many=True)

    problems = (404,)

    def get(self, request: Request, symbol: str) -> Response:
        """Show it."""
        instrument = asked_instrument(self, symbol_of_address(symbol))
        stored = coverage_at(instrument.symbol, version=instrument.version, now=timezone.now())
        found = stored.coverage
        shown: dict[str, Any] = {
            "symbol": instrument.symbol,
            "version": instrument.version,
            "calendar": CALENDAR,
            "calendar_version": CALENDAR_VERSION,
            "first_session": found.first_session,
            "last_session": found.last_session,
            "session_count": found.session_count,
            "last_final_session": stored.last_final_session,
            "stale_sessions": found.stale_sessions,
            "split_count": stored.split_count,
            "dividend_count": stored.dividend_count,
            "sources": stored.sources,
        }
        for name in _NAMED:
            days = getattr(found, name)
            shown |= {f"{name}_count": len(days), name: days[:MOST_NAMED]}
        return Response(self.Output(shown).data)
