"""Walks forward over HTTP."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.api import STATUSES, Metric
from services.analytics.backtests.domain import Options
from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.walk_forward import MAXIMUM_FOLDS, MAXIMUM_RATIO, MINIMUM_FOLDS, Anchoring
from services.analytics.results.api import CurveColumns, CurvePoint, equity_page
from services.analytics.sweeps.api import RequestSweep, SweepSummaryRow
from services.analytics.walk_forwards.domain import (
    MOST_TRIED_CELLS,
    OUT_OF_SAMPLE_METRICS,
    walk_forward_inputs_for,
)
from services.analytics.walk_forwards.models import WalkForwardEquity
from services.analytics.walk_forwards.selectors import (
    equity_of,
    finished_walk_forward,
    walk_forward_by_id,
    walk_forwards,
)
from services.analytics.walk_forwards.services import WORK, start_walk_forward
from shared.eventstore.append import StreamConflict
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, WholeNumber
from shared.http.operations import Operation, started
from shared.http.pagination import Page, SeriesQuery, WorkQuery, page_of
from shared.http.shapes import either
from shared.pricing.reader import latest_version

_ANCHORINGS = tuple(anchoring.value for anchoring in Anchoring)
_ANCHORING_HELP = (
    "`rolling`: each window chooses by equally many sessions; `anchored`: by all from the first on"
)
_DAYS = ("in_sample_start", "in_sample_end", "out_of_sample_start", "out_of_sample_end")


def _numbers() -> serializers.ListField:
    return serializers.ListField(child=serializers.FloatField(allow_null=True))


def _days() -> serializers.ListField:
    return serializers.ListField(child=serializers.DateField())


class InSampleColumns(serializers.Serializer[Any]):
    """What the chosen cells came to where they were chosen."""

    total_return = _numbers()
    cagr = _numbers()
    sharpe = _numbers()
    max_drawdown = _numbers()
    trade_count = _numbers()
    win_rate = _numbers()


class OutOfSampleColumns(serializers.Serializer[Any]):
    """What the account came to in the sessions after that."""

    total_return = _numbers()
    cagr = _numbers()
    sharpe = _numbers()
    max_drawdown = _numbers()


class WindowColumns(serializers.Serializer[Any]):
    """The windows, one array for each column: their sessions, what they chose, and what came of it."""

    in_sample_start = _days()
    in_sample_end = _days()
    out_of_sample_start = _days()
    out_of_sample_end = _days()
    cell = serializers.ListField(child=serializers.IntegerField(), help_text="Its number in the grid")
    parameters = serializers.DictField(child=serializers.ListField(child=serializers.FloatField()))
    in_sample = InSampleColumns()
    out_of_sample = OutOfSampleColumns()

    def to_representation(self, instance: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return rows as columns."""
        return {
            **{name: [row[name] for row in instance] for name in (*_DAYS, "cell")},
            "parameters": _columns(instance, "parameters", tuple(instance[0]["parameters"])),
            "in_sample": _columns(instance, "in_sample", SWEEP_METRICS),
            "out_of_sample": _columns(instance, "out_of_sample", OUT_OF_SAMPLE_METRICS),
        }


def _columns(
    rows: Sequence[Mapping[str, Any]], group: str, names: Sequence[str]
) -> dict[str, list[float | None]]:
    return {name: [row[group][name] for row in rows] for name in names}


class WalkForwardSummary(SweepSummaryRow):
    """One walk: its inputs, and how far it is."""

    folds = serializers.IntegerField(help_text="Windows that choose and are judged")
    anchoring = Choice(_ANCHORINGS)
    in_sample_ratio = serializers.IntegerField()
    efficiency = serializers.FloatField(
        allow_null=True, help_text="Annual return out of sample over that in sample"
    )


class WalkForwardDetail(WalkForwardSummary):
    """One walk with what it came to, which is null until it succeeded."""

    inputs_hash = serializers.CharField()
    result_hash = serializers.CharField(allow_null=True)
    engine_version = serializers.CharField(allow_null=True)
    metrics_version = serializers.CharField(allow_null=True)
    calendar_version = serializers.CharField(allow_null=True)
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    session_count = serializers.IntegerField(allow_null=True)
    in_sample_return = serializers.FloatField(
        allow_null=True, help_text="Mean annual return of what was chosen"
    )
    out_of_sample_return = serializers.FloatField(allow_null=True, help_text="Annual return of the account")
    no_efficiency_reason = serializers.CharField(allow_null=True)
    windows = WindowColumns(allow_null=True)
    metrics = Metric(many=True, allow_null=True, help_text="Of the account, out of sample only")
    benchmark_metrics = Metric(many=True, allow_null=True, help_text="Of buy and hold over the same sessions")


class RequestWalkForward(Operation):
    """Choose a strategy's parameters on past sessions, trade them on the next ones, again and again.

    Each window takes the cell of the grid that was best on its sessions before; one account trades what was chosen.
    Equal inputs are one walk; one that failed or was cancelled goes on where it stopped.
    """

    class Input(RequestSweep.Input):
        """What to search in each window, and how the windows are cut; without dates, over all stored sessions.

        At most 1000000 cells are tried in all windows together.
        """

        example = {
            "symbol": "AAPL",
            "strategy": "sma_cross",
            "grid": {"fast_window": [5, 10, 20], "slow_window": [30, 60]},
            "folds": 5,
        }

        folds = WholeNumber(
            min_value=MINIMUM_FOLDS,
            max_value=MAXIMUM_FOLDS,
            default=5,
            help_text=f"Windows; at most {MOST_TRIED_CELLS} cells are tried in all of them together",
        )
        anchoring = Choice(_ANCHORINGS, default=Anchoring.ROLLING.value, help_text=_ANCHORING_HELP)
        in_sample_ratio = WholeNumber(
            min_value=1,
            max_value=MAXIMUM_RATIO,
            default=3,
            help_text="How many times longer the first choice is than what it is judged by",
        )

    Output = WalkForwardDetail
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue its chunks, and wait for them a little."""
        asked = self.body()
        version = latest_version("analytics", asked["symbol"])
        asked["options"] = Options(**asked["options"])
        inputs, now = walk_forward_inputs_for(data_version=version, **asked), timezone.now()
        # When another request for the same inputs came first at this very moment, its walk is this one.
        with suppress(StreamConflict):
            start_walk_forward(inputs=inputs, now=now)
        walk = self.wait_for(partial(walk_forward_by_id, inputs.walk_forward_id))
        return started(
            WalkForwardDetail(walk).data,
            location=reverse("walk-forward", args=[walk.id]),
            state=walk.state,
            is_new=walk.created_at == now,
        )


class ListWalkForwards(Revalidated):
    """List walks forward, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the walk is")
        strategy = Choice(tuple(STRATEGIES), required=False, help_text="Walks of this rule only")

    class Output(Page):
        """A page of walks."""

        results = WalkForwardSummary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, walk_forwards())


class ShowWalkForward(Revalidated):
    """Show one walk forward: how far it is and, once it succeeded, what each window chose and what came of it."""

    Output = WalkForwardDetail
    problems = (404,)

    def get(self, request: Request, walk_forward_id: UUID) -> Response:
        """Show it."""
        return Response(WalkForwardDetail(walk_forward_by_id(walk_forward_id)).data)


class CancelWalkForward(Operation):
    """Cancel a walk forward that is not over, also one under way: it stops after the chunks at work."""

    Output = WalkForwardDetail
    problems = (404, 409)

    def delete(self, request: Request, walk_forward_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        WORK.cancel(walk_forward_id, now=timezone.now())
        return Response(WalkForwardDetail(walk_forward_by_id(walk_forward_id)).data)


class ListWalkForwardEquity(Revalidated):
    """List what the account of a finished walk was worth at each close out of sample, beside buy and hold.

    The first point is the opening capital, at the close before the first window is judged.
    """

    Query = SeriesQuery

    class Rows(Page):
        """A page of points, oldest first."""

        results = CurvePoint(many=True)

    class Columns(Page):
        """A page of points, one array for each column."""

        results = CurveColumns()

    Output = either(Rows, Columns)
    problems = (404, 409)

    def get(self, request: Request, walk_forward_id: UUID) -> HttpResponseBase:
        """List them."""
        walk = finished_walk_forward(walk_forward_id)
        return self.tagged(self.tag(walk.result_hash), lambda: self._page(equity_of(walk.id)))

    def _page(self, curves: WalkForwardEquity) -> Response:
        values = {"equity": curves.equity, "benchmark_equity": curves.benchmark_equity}
        return equity_page(self, curves.dates, values)
