"""Backtests over HTTP."""

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

from services.analytics.backtests.domain import MAXIMUM_SEED
from services.analytics.backtests.models import Run
from services.analytics.backtests.prices import INDEX_SYMBOLS, newest_inputs
from services.analytics.backtests.selectors import run_by_id, runs
from services.analytics.backtests.services import cancel_backtest, start_backtest
from services.analytics.kernel.backtest import MAXIMUM_CAPITAL, MINIMUM_CAPITAL
from services.analytics.kernel.costs import MAXIMUM_COST_BPS
from services.analytics.kernel.orders import Sizing, TimeInForce
from services.analytics.kernel.resampling import PERIODS_PER_YEAR
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.results.api import Truth
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import (
    Choice,
    DateRange,
    DecimalText,
    NumberText,
    Parameters,
    StrictSerializer,
    Switch,
    SymbolField,
    WholeNumber,
)
from shared.http.operations import Operation, started
from shared.http.pagination import Page, WorkQuery, page_of
from shared.http.problems import ProblemField
from shared.pricing.adjustment import Basis

STATUSES = ("queued", "running", "succeeded", "refused", "failed", "cancelled")
BASES = tuple(basis.value for basis in Basis)
_STRATEGIES_HELP = "; ".join(f"`{rule.name}`: {rule.summary}" for rule in STRATEGIES.values())


def money(kind: type[DecimalText] = DecimalText, **options: Any) -> DecimalText:
    """Return a field that takes the capital of a run."""
    return kind(
        minimum=Decimal(MINIMUM_CAPITAL).quantize(Decimal("0.01")),
        maximum=Decimal(MAXIMUM_CAPITAL).quantize(Decimal("0.01")),
        places=2,
        **options,
    )


def _cost_bps(**options: Any) -> DecimalText:
    return DecimalText(minimum=Decimal("0.00"), maximum=Decimal(MAXIMUM_COST_BPS), places=2, **options)


def _ratio(maximum: str = "1.0000", **options: Any) -> DecimalText:
    """Return a field for a fraction, or for money of which tenths of cents count."""
    return DecimalText(minimum=Decimal("0.0000"), maximum=Decimal(maximum), places=4, **options)


class RunOptions(StrictSerializer):
    """How a run trades and is measured, beside its two costs in basis points; ratios are fractions."""

    interval = Choice(tuple(PERIODS_PER_YEAR), default="1d", help_text="Bars: sessions, weeks or months")
    risk_free = _ratio(default=Decimal(0), help_text="Annual rate that money earns without risk")
    seed = WholeNumber(min_value=0, max_value=MAXIMUM_SEED, default=0, help_text="Of the bootstrap")
    commission_per_order = _ratio("1000000.0000", default=Decimal(0), help_text="Money, added to each fill")
    commission_per_share = _ratio(
        "1000.0000", default=Decimal(0), help_text="Money, for each share of a fill"
    )
    spread_bps = _ratio("1000.0000", default=Decimal(0), help_text="Between bid and ask; a fill pays half")
    impact = _ratio("0.5000", default=Decimal(0), help_text="Price impact: times (quantity / volume) squared")
    sizing = Choice(tuple(Sizing), default=Sizing.ALL_IN.value, help_text="How large an entry is")
    size = _ratio(
        "1000000000.0000",
        default=None,
        allow_null=True,
        help_text="The figure of `sizing`: money, shares, or a fraction of equity; null with `all_in`",
    )
    whole_shares = Switch(default=True)
    allow_short = Switch(default=False)
    stop_loss_ratio = _ratio(
        default=None, allow_null=True, help_text="Leave when this much worse than the fill"
    )
    take_profit_ratio = _ratio(
        "1000.0000", default=None, allow_null=True, help_text="Leave when this much better than the fill"
    )
    trailing_ratio = _ratio(
        default=None, allow_null=True, help_text="Leave when this far below the best high"
    )
    time_in_force = Choice(tuple(TimeInForce), default=TimeInForce.DAY.value, help_text="Of entry orders")
    volume_limit = _ratio(
        default=None, allow_null=True, help_text="Largest fraction of the session's volume of an entry"
    )
    benchmark = SymbolField(
        required=False,
        allow_null=True,
        help_text="An index or index fund with stored prices that alpha and beta are measured against;"
        " null: buy and hold. Left out: the first of " + ", ".join(INDEX_SYMBOLS) + " that covers the run",
    )


class Metric(serializers.Serializer[Any]):
    """One figure of the metrics' definitions: a value, or the reason why there is none. Ratios are fractions."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides a property not used here
    unit = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    caution = serializers.CharField(allow_null=True)


class OpenPosition(serializers.Serializer[Any]):
    """Shares still held at the last session, valued at its close."""

    entry_session = serializers.DateField()
    shares = NumberText()
    held_shares = NumberText()
    entry_price = NumberText()
    entry_commission = NumberText()
    dividends = NumberText()
    last_close = NumberText()
    market_value = NumberText()
    unrealised_pnl = NumberText()


class PendingOrder(serializers.Serializer[Any]):
    """What was decided at the last close, to be filled at an open that is still to come."""

    side = Choice(("buy", "sell"))
    decided_session = serializers.DateField()


class BacktestSummary(serializers.Serializer[Any]):
    """One run: its inputs, the versions that its numbers depend on, and its state."""

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    strategy = serializers.CharField()
    strategy_version = serializers.IntegerField()
    parameters = Parameters()
    initial_capital = money()
    commission_bps = _cost_bps()
    slippage_bps = _cost_bps()
    basis = Choice(BASES)
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    standing = serializers.BooleanField(help_text="On the inputs that every price update tests")
    data_cut = serializers.SerializerMethodField()
    status = Choice(STATUSES, source="live_state")
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    session_count = serializers.IntegerField(allow_null=True)
    trade_count = serializers.IntegerField(allow_null=True)
    options = RunOptions()
    outdated_by_version = serializers.IntegerField(
        allow_null=True, help_text="The version that corrected its prices first"
    )
    error = ProblemField(allow_null=True, source="problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_data_cut(self, run: Run) -> dict[str, int]:
        """Return the version of each symbol's prices that the run used."""
        return run.data_cut


class Backtest(BacktestSummary):
    """One run with its numbers, which are null until it succeeded."""

    engine_version = serializers.CharField(allow_null=True)
    metrics_version = serializers.CharField(allow_null=True)
    calendar_version = serializers.CharField(allow_null=True)
    inputs_hash = serializers.CharField()
    result_hash = serializers.CharField(allow_null=True)
    metrics = Metric(many=True, allow_null=True)
    benchmark_metrics = Metric(many=True, allow_null=True)
    index_metrics = Metric(many=True, allow_null=True, help_text="Of the index in `options.benchmark`")
    open_position = OpenPosition(allow_null=True)
    pending_order = PendingOrder(allow_null=True)
    truth = Truth(allow_null=True)


class RequestBacktest(Operation):
    """Test a strategy on the stored prices of a symbol.

    Equal inputs are one run: when it was made before, the answer is that run.
    """

    class Input(DateRange):
        """What to test; without dates, on all stored sessions."""

        example = {"symbol": "AAPL", "parameters": {"buy_window": 50, "sell_window": 200}}

        symbol = SymbolField()
        strategy = Choice(tuple(STRATEGIES), default="moving_average_dip", help_text=_STRATEGIES_HELP)
        parameters = Parameters(default=dict, help_text="Of the strategy; what is left out has its default")
        initial_capital = money(default=Decimal("10000.00"), help_text="In the currency of the prices")
        commission_bps = _cost_bps(default=Decimal("10.00"), help_text="Of the traded value, per trade")
        slippage_bps = _cost_bps(
            default=Decimal("5.00"), help_text="By which each fill is worse than the open"
        )
        basis = Choice(BASES, default=Basis.SPLIT.value, help_text="In which terms the prices are, see bars")
        options = RunOptions(default=dict)

    Output = Backtest
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        inputs, now = newest_inputs(**self.body()), timezone.now()
        # When another request for the same inputs came first at this very moment, its run is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_backtest(inputs=inputs, now=now)
        run = self.wait_for(partial(run_by_id, inputs.run_id))
        return started(
            Backtest(run).data,
            location=reverse("backtest", args=[run.id]),
            state=run.state,
            is_new=run.created_at == now,
        )


class ListBacktests(Revalidated):
    """List runs, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the run is")
        strategy = Choice(tuple(STRATEGIES), required=False, help_text="Runs of this rule only")

    class Output(Page):
        """A page of runs."""

        results = BacktestSummary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, runs())


class ShowBacktest(Revalidated):
    """Show one run: how far it is and, once it succeeded, its numbers beside those of buy and hold."""

    Output = Backtest
    problems = (404,)

    def get(self, request: Request, run_id: UUID) -> Response:
        """Show it."""
        return Response(Backtest(run_by_id(run_id)).data)


class CancelBacktest(Operation):
    """Cancel a run that no worker has begun."""

    Output = Backtest
    problems = (404, 409)

    def delete(self, request: Request, run_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_backtest(run_id=run_id)
        return Response(Backtest(run_by_id(run_id)).data)
