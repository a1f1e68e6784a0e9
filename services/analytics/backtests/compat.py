"""Backtests at their older addresses."""

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

import numpy as np
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.api import Backtest, money
from services.analytics.backtests.domain import inputs_for
from services.analytics.backtests.models import Run
from services.analytics.backtests.selectors import equity_of, run_by_id
from services.analytics.backtests.services import (
    STANDING_CAPITAL,
    STANDING_COMMISSION_BPS,
    STANDING_SLIPPAGE_BPS,
    STANDING_STRATEGY,
    start_backtest,
)
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
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.reader import latest_version, load_history


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


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    }
)
class Curve(serializers.Field[Any, Any, Any, Any]):
    """Pairs of milliseconds and a value, in order."""

    def to_representation(self, value: Any) -> Any:
        """Return the pairs."""
        return value


class Charts(serializers.Serializer[Any]):
    """The figures of a run by name, null where undefined, and its curves as `[milliseconds, value]` pairs.

    The time is midnight UTC of the session. The curve of the account begins the session before the first price.
    """

    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    price_chart = Curve()
    equity_chart = Curve()


class ChartBacktest(OlderOperation):
    """Test a strategy on the stored prices of a symbol, wait for the run, and answer its figures and curves.

    `startDate` and `endDate` are taken as well, and `capital` as a number too. A failure has its sentence under
    `error` beside the members of a problem. While the run is still under way the answer is the run, with 202.
    """

    class Input(OlderBody):
        """What to test; without dates, on all stored sessions."""

        example = {
            "ticker": "AAPL",
            "startDate": "2015-01-02",
            "endDate": "2017-12-29",
            "capital": "10000.00",
        }

        ticker = SymbolField()
        start_date = SessionDate(required=False)
        end_date = SessionDate(required=False)
        strategy = Choice(tuple(STRATEGIES), default=STANDING_STRATEGY)
        capital = money(NumberOrText, default=STANDING_CAPITAL)
        interval = Choice(("1d", "daily"), default="1d")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            """Return the values. Raises ValidationError for a range that is upside down."""
            start, end = attrs.get("start_date"), attrs.get("end_date")
            if start and end and start > end:
                message = f"{end} is before the start, {start}."
                raise serializers.ValidationError({"end_date": message}, code="upside_down")
            return attrs

    Query = StrictSerializer
    Output = Backtest
    bodies: ClassVar = {"application/json": Charts}
    problems = (404, 409, 422)
    successor = "backtests"

    def post(self, request: Request) -> Response:
        """Make it."""
        asked = self.body()
        run = _finished_run(
            self,
            symbol=asked["ticker"],
            strategy=asked["strategy"],
            initial_capital=asked["capital"],
            start=asked.get("start_date"),
            end=asked.get("end_date"),
        )
        body = Charts(_charts(run)).data if run.state == "succeeded" else Backtest(run).data
        return started(body, location=reverse("backtest", args=[run.id]), state=run.state, is_new=False)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer a failure with its sentence under `error` too."""
        answer = super().handle_exception(exc)
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


def _charts(run: Run) -> dict[str, Any]:
    history = load_history("analytics", run.symbol, version=run.data_version, start=run.start, end=run.end)
    prices, curves = adjust(history, Basis(run.basis)), equity_of(run.id)
    return {
        "metrics": {metric["name"]: metric["value"] for metric in run.metrics or ()},
        "price_chart": _pairs(prices.sessions, prices.close),
        "equity_chart": _pairs(np.array(curves.dates, dtype="datetime64[D]"), curves.equity),
    }


def _pairs(sessions: Any, values: Iterable[float]) -> list[tuple[int, float]]:
    return list(zip(sessions.astype("datetime64[ms]").astype(int).tolist(), values, strict=True))
