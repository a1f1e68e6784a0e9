"""What a finished run holds beside its figures, over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.selectors import Run, RunEquity, equity_of, finished_run, trades_of
from services.analytics.results.selectors import explained
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, NumberText, number_text
from shared.http.operations import Operation
from shared.http.pagination import Page, PageQuery, SeriesQuery, page_of, paged, series_page
from shared.http.shapes import as_rows, columns_of, either


class LookAhead(serializers.Serializer[Any]):
    """Whether decisions made on truncated prices were the same; else the session of the first that was not."""

    passed = serializers.BooleanField()
    prefixes = serializers.IntegerField()
    signals_checked = serializers.IntegerField()
    first_difference = serializers.DateField(allow_null=True)


class WarmUp(serializers.Serializer[Any]):
    """Whether the rule forgets within its warm-up where its prices begin."""

    passed = serializers.BooleanField()
    signals_compared = serializers.IntegerField()
    signals_changed = serializers.IntegerField()
    memory_sessions = serializers.IntegerField()


class Spread(serializers.Serializer[Any]):
    """Percentiles over the resampled paths."""

    p5 = serializers.FloatField()
    p50 = serializers.FloatField()
    p95 = serializers.FloatField()


class Bootstrap(serializers.Serializer[Any]):
    """What a stationary bootstrap of the returns says; `p_value` is that of a mean excess return above 0."""

    p_value = serializers.FloatField()
    block_length = serializers.FloatField()
    paths = serializers.IntegerField()
    max_drawdown = Spread()
    end_equity = Spread(help_text="Over the opening capital")
    time_under_water = Spread(help_text="Longest stretch below a peak, in bars")


class TrackRecord(serializers.Serializer[Any]):
    """How many bars a Sharpe ratio such as this one needs before it says anything."""

    sessions = serializers.IntegerField()
    needed_sessions = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()


class Luck(serializers.Serializer[Any]):
    """What is left of the result after sampling error and trials; Sharpe ratios per bar.

    `trials` counts the different rules and parameters that were tried on these prices, `effective_trials` those
    of them that are as good as independent.
    """

    passed = serializers.BooleanField()
    trials = serializers.IntegerField()
    effective_trials = serializers.IntegerField()
    probabilistic_sharpe = serializers.FloatField()
    expected_maximum_sharpe = serializers.FloatField()
    deflated_sharpe = serializers.FloatField()
    track_record = TrackRecord()
    bootstrap = Bootstrap()


class Overfitting(serializers.Serializer[Any]):
    """How choosing the best of the trials on these prices does where it was not chosen.

    All ways to cut the sessions into a half to choose by and a half to judge by: `probability` is the share of them
    whose choice is among the worse in the other half, `loss_probability` the share whose choice loses money there.
    """

    probability = serializers.FloatField()
    loss_probability = serializers.FloatField()
    combinations = serializers.IntegerField()
    blocks = serializers.IntegerField()


class Stamp(serializers.Serializer[Any]):
    """One statement about the choice of symbols or the prices."""

    name = serializers.CharField()
    is_warning = serializers.BooleanField()
    text = serializers.CharField()


class Truth(serializers.Serializer[Any]):
    """What the numbers of a run are worth; `luck` and `overfitting` are null for the reasons given."""

    look_ahead = LookAhead()
    warm_up = WarmUp()
    luck = Luck(allow_null=True)
    no_luck_reason = serializers.CharField(allow_null=True)
    overfitting = Overfitting(allow_null=True)
    no_overfitting_reason = serializers.CharField(allow_null=True)
    stamps = Stamp(many=True)


class Trade(serializers.Serializer[Any]):
    """One closed trade. Prices are after slippage, `pnl` net of both commissions and without dividends."""

    number = serializers.IntegerField()
    side = Choice(("long", "short"))
    entry_session = serializers.DateField()
    exit_session = serializers.DateField()
    exit_reason = Choice(("signal", "stop", "target", "trailing"), help_text="What ended the position")
    shares = NumberText()
    exit_shares = NumberText()
    entry_price = NumberText()
    exit_price = NumberText()
    entry_commission = NumberText()
    exit_commission = NumberText()
    dividends = NumberText()
    pnl = NumberText()
    return_ratio = serializers.FloatField()
    initial_risk = NumberText(allow_null=True, help_text="Money lost at the first stop, where there was one")


class CurvePoint(serializers.Serializer[Any]):
    """What an account and buy and hold beside it were worth at one close."""

    session = serializers.DateField()
    equity = NumberText()
    benchmark_equity = NumberText()


class EquityPoint(CurvePoint):
    """What the account, buy and hold, and the index if there is one were worth at one close."""

    index_equity = NumberText(allow_null=True)


CurveColumns = columns_of(CurvePoint)
EquityColumns = columns_of(EquityPoint)


def equity_page(
    operation: Operation, dates: Sequence[date], curves: Mapping[str, Sequence[float | None]]
) -> Response:
    """Return the page of curves over `dates` that the operation's query names, in the shape that it names."""
    page, links = series_page(operation, dates)
    days = {"session": [day.isoformat() for day in dates[page]]}
    if operation.query["shape"] == "columns":
        return paged({"results": days | {name: curve[page] for name, curve in curves.items()}}, links)
    texts: dict[str, list[Any]] = {
        name: [None if value is None else number_text(value) for value in curve[page]]
        for name, curve in curves.items()
    }
    return paged({"results": as_rows(days | texts)}, links)


class ListTrades(Revalidated):
    """List the closed trades of a finished run in order."""

    Query = PageQuery

    class Output(Page):
        """A page of trades."""

        results = Trade(many=True)

    problems = (404, 409)

    def get(self, request: Request, run_id: UUID) -> Response:
        """List them."""
        return page_of(self, self.Output, trades_of(finished_run(run_id).id), ordering=("number",))


class ListEquity(Revalidated):
    """List what the account of a finished run was worth at each close.

    The first point is the opening capital, at the session before the first bar. Rows hold decimals as strings;
    with `shape=columns` each column is one array of plain numbers.
    """

    Query = SeriesQuery

    class Rows(Page):
        """A page of points, oldest first."""

        results = EquityPoint(many=True)

    class Columns(Page):
        """A page of points, one array for each column."""

        results = EquityColumns()

    Output = either(Rows, Columns)
    problems = (404, 409)

    def get(self, request: Request, run_id: UUID) -> HttpResponseBase:
        """List them."""
        run = finished_run(run_id)
        return self.tagged(self.tag(run.result_hash), lambda: self._page(equity_of(run.id)))

    def _page(self, curves: RunEquity) -> Response:
        return equity_page(
            self,
            curves.dates,
            {
                "equity": curves.equity,
                "benchmark_equity": curves.benchmark_equity,
                "index_equity": curves.index_equity or [None] * len(curves.dates),
            },
        )


class MetricExplanation(serializers.Serializer[Any]):
    """One figure with what its formula names.

    `inputs` are numbers, dates and flags by the names in the formula; those that a figure without a value lacks are
    left out. `n` counts the sessions or, for figures of trades, the closed trades.
    """

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides a property not used here
    unit = serializers.CharField()
    formula = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    caution = serializers.CharField(allow_null=True)
    inputs = serializers.DictField()
    n = serializers.IntegerField()
    metrics_version = serializers.CharField()


class ExplainMetric(Revalidated):
    """Explain one figure of a finished run.

    The run is made again from its inputs and compared with what is stored, so that the explanation is of these numbers.
    """

    Output = MetricExplanation
    problems = (404, 409)

    def get(self, request: Request, run_id: UUID, metric: str) -> HttpResponseBase:
        """Explain it."""
        run = finished_run(run_id)
        return self.tagged(self.tag(run.result_hash), lambda: self._explanation(run, metric))

    def _explanation(self, run: Run, metric: str) -> Response:
        found = explained(run, metric)
        definition, figure = found.definition, found.figure
        row = {
            "name": definition.name,
            "label": definition.label,
            "unit": definition.unit.value,
            "formula": definition.formula,
            "value": figure.value,
            "reason": figure.reason,
            "caution": figure.caution,
            "inputs": found.inputs,
            "n": found.n,
            "metrics_version": run.metrics_version,
        }
        return Response(self.Output(row).data)
