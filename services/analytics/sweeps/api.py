"""Sweeps over HTTP."""

from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.api import BASES, STATUSES, RunOptions, money
from services.analytics.backtests.domain import Options
from services.analytics.kernel.costs import MAXIMUM_COST_BPS
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.sweep import OBJECTIVES
from services.analytics.surfaces.grids import GridField
from services.analytics.sweeps.domain import MOST_SWEPT_CELLS, sweep_inputs_for
from services.analytics.sweeps.models import Sweep
from services.analytics.sweeps.selectors import sweep_by_id, sweeps
from services.analytics.sweeps.services import WORK, start_sweep
from shared.eventstore.append import StreamConflict
from shared.http.conditional import Revalidated
from shared.http.fields import (
    Choice,
    DateRange,
    DecimalText,
    Parameters,
    SymbolField,
    WholeNumber,
)
from shared.http.operations import Operation, started
from shared.http.pagination import Page, WorkQuery, page_of
from shared.http.problems import ProblemField
from shared.pricing.adjustment import Basis
from shared.pricing.reader import latest_version


def _cost_bps(**options: Any) -> DecimalText:
    return DecimalText(minimum=Decimal("0.00"), maximum=Decimal(MAXIMUM_COST_BPS), places=2, **options)


def _figure(**options: Any) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, **options)


class SweepFigures(serializers.Serializer[Any]):
    """The figures of one cell, null where undefined; ratios are fractions."""

    total_return = _figure()
    cagr = _figure()
    sharpe = _figure()
    max_drawdown = _figure()
    trade_count = _figure()
    win_rate = _figure()


class BestCell(serializers.Serializer[Any]):
    """The cell whose objective is highest."""

    cell = serializers.IntegerField()
    parameters = Parameters()
    metrics = SweepFigures()


class SweepSummary(serializers.Serializer[Any]):
    """A surface in a few figures. Neighbours are the cells at most one step away from the best on every axis."""

    objective = Choice(OBJECTIVES)
    cells = serializers.IntegerField()
    run = serializers.IntegerField(help_text="How many of them the strategy permits")
    dropped = serializers.IntegerField(help_text="How many it does not")
    profitable_ratio = _figure(help_text="Share of those run that earned money")
    best = BestCell(allow_null=True)
    neighbours = serializers.IntegerField(help_text="Cells around the best that have an objective")
    neighbour_mean = _figure(help_text="Mean of their objective")
    neighbour_min = _figure(help_text="The worst of them")


class SweepOverfitting(serializers.Serializer[Any]):
    """How often the cell that is best in one half of the sessions is in the worse half of cells in the other."""

    probability = serializers.FloatField()
    loss_probability = serializers.FloatField()
    combinations = serializers.IntegerField()
    blocks = serializers.IntegerField()


class SweepTruth(serializers.Serializer[Any]):
    """What the best cell is worth after all the others; estimated from a sample of them."""

    trials = serializers.IntegerField()
    effective_trials = serializers.IntegerField(help_text="Of which as many are as good as independent")
    deflated_sharpe = _figure(help_text="Probability that its Sharpe ratio is more than the best by luck")
    overfitting = SweepOverfitting(allow_null=True)


class SweepOptions(RunOptions):
    """How each cell trades and is measured; no figure of a cell is about an index."""

    benchmark = None  # type: ignore[assignment]  # takes the field away


class SweepSummaryRow(serializers.Serializer[Any]):
    """One sweep: its inputs, and how far it is."""

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    strategy = serializers.CharField()
    strategy_version = serializers.IntegerField()
    grid = GridField()
    parameters = Parameters(help_text="Those that do not vary")
    sample = serializers.IntegerField(allow_null=True)
    objective = Choice(OBJECTIVES)
    initial_capital = money()
    commission_bps = _cost_bps()
    slippage_bps = _cost_bps()
    basis = Choice(BASES)
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    options = SweepOptions()
    data_cut = serializers.SerializerMethodField()
    status = Choice(STATUSES, source="state")
    cell_count = serializers.IntegerField()
    cells_done = serializers.IntegerField()
    cells_run = serializers.IntegerField(help_text="Of those done, how many the strategy permits")
    chunk_count = serializers.IntegerField(help_text="Jobs that share the cells")
    chunks_done = serializers.IntegerField()
    outdated_by_version = serializers.IntegerField(
        allow_null=True, help_text="The version that corrected its prices first"
    )
    error = ProblemField(allow_null=True, source="problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_data_cut(self, sweep: Sweep) -> dict[str, int]:
        """Return the version of each symbol's prices that the sweep used."""
        return {sweep.symbol: sweep.data_version}


class SweepDetail(SweepSummaryRow):
    """One sweep with what it found, which is null until it succeeded."""

    inputs_hash = serializers.CharField()
    surface_hash = serializers.CharField(allow_null=True)
    engine_version = serializers.CharField(allow_null=True)
    metrics_version = serializers.CharField(allow_null=True)
    calendar_version = serializers.CharField(allow_null=True)
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    session_count = serializers.IntegerField(allow_null=True)
    summary = SweepSummary(allow_null=True)
    truth = SweepTruth(allow_null=True)


class RequestSweep(Operation):
    """Test a strategy with many parameters on the stored prices of a symbol.

    The cells of the grid are shared by all workers in chunks. Equal inputs are one sweep; one that failed or was
    cancelled goes on where it stopped.
    """

    class Input(DateRange):
        """What to sweep; without dates, over all stored sessions."""

        example = {
            "symbol": "AAPL",
            "strategy": "sma_cross",
            "grid": {"fast_window": {"from": 5, "to": 50, "step": 5}, "slow_window": [60, 100, 200]},
        }

        symbol = SymbolField()
        strategy = Choice(tuple(STRATEGIES), default="moving_average_dip")
        grid = GridField(help_text=f"What varies; at most {MOST_SWEPT_CELLS} cells unless `sample` is given")
        parameters = Parameters(default=dict, help_text="What does not; what is left out has its default")
        sample = WholeNumber(
            min_value=1,
            max_value=MOST_SWEPT_CELLS,
            default=None,
            allow_null=True,
            help_text="Random search: so many cells, drawn by `options.seed`; null for all",
        )
        objective = Choice(OBJECTIVES, default="sharpe", help_text="What the best cell is best by")
        initial_capital = money(default=Decimal("10000.00"), help_text="In the currency of the prices")
        commission_bps = _cost_bps(default=Decimal("10.00"), help_text="Of the traded value, per trade")
        slippage_bps = _cost_bps(
            default=Decimal("5.00"), help_text="By which each fill is worse than the open"
        )
        basis = Choice(BASES, default=Basis.SPLIT.value, help_text="In which terms the prices are, see bars")
        options = SweepOptions(default=dict)

    Output = SweepDetail
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue its chunks, and wait for them a little."""
        asked = self.body()
        version = latest_version("analytics", asked["symbol"])
        asked["options"] = Options(**asked["options"])
        inputs, now = sweep_inputs_for(data_version=version, **asked), timezone.now()
        # When another request for the same inputs came first at this very moment, its sweep is this one.
        with suppress(StreamConflict):
            start_sweep(inputs=inputs, now=now)
        sweep = self.wait_for(partial(sweep_by_id, inputs.sweep_id))
        return started(
            SweepDetail(sweep).data,
            location=reverse("sweep", args=[sweep.id]),
            state=sweep.state,
            is_new=sweep.created_at == now,
        )


class ListSweeps(Revalidated):
    """List sweeps, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the sweep is")
        strategy = Choice(tuple(STRATEGIES), required=False, help_text="Sweeps of this rule only")

    class Output(Page):
        """A page of sweeps."""

        results = SweepSummaryRow(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, sweeps())


class ShowSweep(Revalidated):
    """Show one sweep: how far it is and, once it succeeded, what it found."""

    Output = SweepDetail
    problems = (404,)

    def get(self, request: Request, sweep_id: UUID) -> Response:
        """Show it."""
        return Response(SweepDetail(sweep_by_id(sweep_id)).data)


class CancelSweep(Operation):
    """Cancel a sweep that is not over, also one under way: it stops after the chunks at work."""

    Output = SweepDetail
    problems = (404, 409)

    def delete(self, request: Request, sweep_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        WORK.cancel(sweep_id, now=timezone.now())
        return Response(SweepDetail(sweep_by_id(sweep_id)).data)
