"""Comparisons of runs over HTTP."""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.api import BacktestSummary
from services.analytics.backtests.selectors import Run, finished_run, run_by_id
from services.analytics.backtests.services import start_backtest
from services.analytics.comparisons.selectors import compared, difference_between
from services.analytics.comparisons.services import inputs_on_newest_prices
from services.analytics.results.api import Trade
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import StrictSerializer
from shared.http.operations import Operation, started

FEWEST, MOST = 2, 5
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@extend_schema_field(
    {
        "type": "string",
        "pattern": f"^{_ID}(,{_ID}){{{FEWEST - 1},{MOST - 1}}}$",
        "description": f"{FEWEST} to {MOST} ids of runs, separated by commas",
    }
)
class RunIds(serializers.Field[list[UUID], Any, str, Any]):
    """A few ids separated by commas."""

    def to_internal_value(self, data: Any) -> list[UUID]:
        """Return each id once, in the order given. Raises ValidationError for too few, too many and for any that is none."""
        texts = str(data).split(",")
        if len(texts) > MOST:
            raise serializers.ValidationError(
                f"{len(texts)} ids are given; at most {MOST} are taken.", code="too_many"
            )
        one = serializers.UUIDField()
        found = list(dict.fromkeys(one.to_internal_value(text) for text in texts))
        if len(found) < FEWEST:
            raise serializers.ValidationError(f"Name {FEWEST} to {MOST} different runs.", code="too_few")
        return found

    def to_representation(self, value: list[UUID]) -> str:
        """Return them as they are given."""
        return ",".join(map(str, value))


class MetricRow(serializers.Serializer[Any]):
    """One figure of all runs, null where it is undefined."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides a property not used here
    unit = serializers.CharField()
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))


class CompareBacktests(Revalidated):
    """Show 2 to 5 finished runs side by side.

    `inputs` holds only what is not the same for all of them; every list of values is in the order of `runs`.
    """

    class Query(StrictSerializer):
        """Which."""

        ids = RunIds()

    class Output(serializers.Serializer[Any]):
        """The runs side by side."""

        runs = BacktestSummary(many=True)
        inputs = serializers.DictField(child=serializers.ListField())
        metrics = MetricRow(many=True)
        benchmark_metrics = MetricRow(many=True)
        index_metrics = MetricRow(many=True)

    problems = (404, 409)

    def get(self, request: Request) -> Response:
        """Show them."""
        return Response(self.Output(compared(self.query["ids"])).data)


class MetricChange(serializers.Serializer[Any]):
    """A figure that is not the same; null where it is undefined."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides a property not used here
    unit = serializers.CharField()
    before = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)


class _Trade(Trade):
    number = None  # type: ignore[assignment]  # a trade that is gone has none any more


class Differences(serializers.Serializer[Any]):
    """What a second run found otherwise than the first, at 12 significant digits."""

    identical = serializers.BooleanField(source="is_none")
    first_session = serializers.DateField(
        allow_null=True, help_text="The first one at whose close the accounts differ"
    )
    metrics = MetricChange(many=True)
    trades_gone = _Trade(many=True)
    trades_new = _Trade(many=True)


class Rerun(serializers.Serializer[Any]):
    """A run made again, and once it is made what it found otherwise than the one before."""

    before = BacktestSummary()
    after = BacktestSummary()
    difference = Differences(allow_null=True)


class RerunBacktest(Operation):
    """Make a finished run again on the newest prices, and tell what that changes.

    While the new run is under way the answer is 202 with the address of the difference.
    """

    Output = Rerun
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request, run_id: UUID) -> Response:
        """Queue it, and wait for it a little."""
        before, now = finished_run(run_id), timezone.now()
        inputs = inputs_on_newest_prices(before)
        # When another request for the same inputs came first at this very moment, its run is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_backtest(inputs=inputs, now=now)
        after = self.wait_for(partial(run_by_id, inputs.run_id))
        return started(
            _rerun(before, after),
            location=reverse("backtest-difference", args=[after.id, before.id]),
            state=after.state,
            is_new=after.created_at == now,
        )


class ShowDifference(Revalidated):
    """Show what a run found otherwise than another one, which must be finished."""

    Output = Rerun
    problems = (404, 409)

    def get(self, request: Request, run_id: UUID, before_id: UUID) -> Response:
        """Show it."""
        return Response(_rerun(finished_run(before_id), run_by_id(run_id)))


def _rerun(before: Run, after: Run) -> Any:
    found = difference_between(before, after) if after.state == "succeeded" else None
    return Rerun({"before": before, "after": after, "difference": found}).data
