"""Backtests at their older addresses."""

from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.api import Backtest, money
from services.analytics.backtests.charts import charts_of
from services.analytics.backtests.domain import Options, inputs_for
from services.analytics.backtests.models import Run
from services.analytics.backtests.selectors import run_by_id
from services.analytics.backtests.services import (
    STANDING_CAPITAL,
    STANDING_COMMISSION_BPS,
    STANDING_SLIPPAGE_BPS,
    STANDING_STRATEGY,
    start_backtest,
)
from services.analytics.kernel.resampling import PERIODS_PER_YEAR
from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.compat import OlderBody, OlderOperation, OlderSchema
from shared.http.fields import (
    Choice,
    DecimalText,
    SessionDate,
    StrictSerializer,
    SymbolField,
    symbol_of_address,
)
from shared.http.operations import started
from shared.http.parsers import StrictFormParser, StrictJSONParser
from shared.pricing.adjustment import Basis
from shared.pricing.reader import latest_version

OLDER_NAMES = {
    "SMA": "sma_cross",
    "EMA": "ema_cross",
    "RSI": "rsi",
    "MACD": "macd",
    "LA_BOMBA": "la_bomba",
}


class Interval(Choice):
    """The length of a bar."""

    def to_internal_value(self, data: Any) -> str:
        """Return the word. Raises ValidationError that says why there is nothing shorter."""
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError:
            raise serializers.ValidationError(
                f"Daily prices are all there is: permitted are {', '.join(self.choices)}.",
                code="invalid_choice",
            ) from None


class _Investment(StrictSerializer):
    initial_investment = money()


class NumberOrText(DecimalText):
    """A decimal number as older programs send it: in a string, or as a number."""

    @property
    def form(self) -> dict[str, Any]:
        """Return the schema of both."""
        return {"oneOf": [super().form, {"type": "number"}]}

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the number. Raises ValidationError naming the permitted range."""
        is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
        return super().to_internal_value(repr(data) if is_number else data)


class _InvestmentSchema(OlderSchema):
    def get_override_parameters(self) -> list[Any]:
        return [
            *super().get_override_parameters(),
            OpenApiParameter("initial_investment", money().form, "path", description="The capital"),
        ]


class BacktestSymbol(OlderOperation):
    """Test the standing strategy on all stored prices of a symbol with a capital, and wait for the run.

    Equal inputs are one run: when it was made before, the answer is that run.
    """

    Output = Backtest
    problems = (404, 409, 422)
    successor, title = "backtests", "Backtest of {symbol}"
    schema = _InvestmentSchema()

    def get(self, request: Request, symbol: str, initial_investment: str) -> Response:
        """Make it."""
        asked = _Investment(data={"initial_investment": initial_investment})
        asked.is_valid(raise_exception=True)
        capital = asked.validated_data["initial_investment"]
        run = _finished_run(self, symbol=symbol_of_address(symbol), initial_capital=capital)
        return started(
            Backtest(run).data, location=reverse("backtest", args=[run.id]), state=run.state, is_new=False
        )


class OlderMetrics(serializers.Serializer[Any]):
    """Six figures; percentages as such, null where undefined."""

    total_return_pct = serializers.FloatField(allow_null=True)
    cagr_pct = serializers.FloatField(allow_null=True)
    sharpe = serializers.FloatField(allow_null=True)
    max_drawdown_pct = serializers.FloatField(allow_null=True)
    trades = serializers.IntegerField()
    winrate_pct = serializers.FloatField(allow_null=True)


class OlderSignal(serializers.Serializer[Any]):
    """A fill: when, and at what price."""

    date = serializers.IntegerField()
    price = serializers.FloatField()


class PriceChart(serializers.Serializer[Any]):
    """Closes, the two averages of strategies that have them (null before they begin), and the fills."""

    dates = serializers.ListField(child=serializers.IntegerField())
    close = serializers.ListField(child=serializers.FloatField())
    sma1 = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)
    sma2 = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)
    buy_signals = OlderSignal(many=True)
    sell_signals = OlderSignal(many=True)


class EquityChart(serializers.Serializer[Any]):
    """What the account was worth, from the session before the first price on."""

    dates = serializers.ListField(child=serializers.IntegerField())
    equity = serializers.ListField(child=serializers.FloatField())


class Charts(serializers.Serializer[Any]):
    """The figures and curves of a run. Dates are milliseconds: midnight UTC of the session."""

    metrics = OlderMetrics()
    price_chart = PriceChart()
    equity_chart = EquityChart()


class ChartBacktest(OlderOperation):
    """Test a strategy on the stored prices of a symbol, wait for the run, and answer its figures and curves.

    Fields may be spelt `start_date` as well as `startDate`, the body may be a form, and `capital` a number. A failure
    has its sentence under `error` beside the members of a problem, and the status 400 whatever a caller could have
    asked otherwise. While the run is still under way the answer is the run, with 202.
    """

    parser_classes = (StrictJSONParser, StrictFormParser)

    class Input(OlderBody):
        """What to test; without dates, on all stored sessions."""

        example = {
            "ticker": "AAPL",
            "startDate": "2015-01-02",
            "endDate": "2017-12-29",
            "strategy": "SMA",
            "capital": "10000.00",
        }

        ticker = SymbolField()
        start_date = SessionDate(required=False)
        end_date = SessionDate(required=False)
        strategy = Choice((*OLDER_NAMES, *STRATEGIES), default=STANDING_STRATEGY)
        capital = money(NumberOrText, default=STANDING_CAPITAL)
        interval = Interval((*PERIODS_PER_YEAR, "daily"), default="1d")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            """Return the values. Raises ValidationError for a range that does not end after its start."""
            start, end = attrs.get("start_date"), attrs.get("end_date")
            if start and end and start >= end:
                message = f"{end} is not after the start, {start}."
                raise serializers.ValidationError({"end_date": message}, code="upside_down")
            return attrs

    Query = StrictSerializer
    Output = Backtest
    bodies: ClassVar = {"application/json": Charts}
    problems = ()
    successor = "backtests"

    def post(self, request: Request) -> Response:
        """Make it."""
        asked = self.body()
        interval = "1d" if asked["interval"] == "daily" else asked["interval"]
        run = _finished_run(
            self,
            symbol=asked["ticker"],
            strategy=OLDER_NAMES.get(asked["strategy"], asked["strategy"]),
            initial_capital=asked["capital"],
            start=asked.get("start_date"),
            end=asked.get("end_date"),
            options=Options(interval=interval),
        )
        body = Charts(charts_of(run)).data if run.state == "succeeded" else Backtest(run).data
        return started(body, location=reverse("backtest", args=[run.id]), state=run.state, is_new=False)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer a failure with its sentence under `error` too."""
        answer = super().handle_exception(exc)
        if answer.status_code in {404, 409, 422}:
            answer.status_code = answer.data["status"] = 400
        answer.data["error"] = answer.data["detail"]
        return answer


def _finished_run(operation: OlderOperation, *, symbol: str, **asked: Any) -> Run:
    """Return the run on these inputs and the standing ones, done or still open after the time to wait."""
    version = latest_version("analytics", symbol)
    standing: dict[str, Any] = {
        "basis": Basis.SPLIT.value,
        "strategy": STANDING_STRATEGY,
        "parameters": {},
        "commission_bps": STANDING_COMMISSION_BPS,
        "slippage_bps": STANDING_SLIPPAGE_BPS,
    }
    inputs = inputs_for(symbol=symbol, data_version=version, **{**standing, **asked})
    # When another request for the same inputs came first at this very moment, its run is this one.
    with suppress(StreamConflict, JobAlreadyOpen):
        start_backtest(inputs=inputs, now=timezone.now())
    run: Run = operation.finished(partial(run_by_id, inputs.run_id))
    return run
