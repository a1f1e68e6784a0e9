"""Forecasts over HTTP."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.forecasting import models
from services.analytics.forecasting.domain import QUANTILES
from services.analytics.forecasting.selectors import forecast_by_id, forecasts, points_of, score_of
from services.analytics.forecasting.services import KINDS, forecast_id_for, start_forecast
from services.analytics.forecasting.track_record import QUANTILE_COLUMNS
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.fields import Choice, NumberText, StrictSerializer, SymbolField, number_text
from shared.http.operations import Operation, started
from shared.http.pagination import Page, PageQuery, page_of
from shared.http.problems import ProblemField
from shared.pricing.reader import latest_version

STATES = ("queued", "running", "succeeded", "refused", "failed")


class ForecastSummary(serializers.Serializer[Any]):
    """One forecast: which model saw which prices, and from where. Prices are in the terms of `origin_close`."""

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    kind = Choice(KINDS, help_text="`backfilled`: issued from 30 sessions before the last, beside what came")
    model = serializers.CharField()
    model_version = serializers.CharField()
    model_sha256 = serializers.CharField(allow_null=True)
    basis = serializers.CharField(allow_null=True)
    data_cut = serializers.SerializerMethodField()
    calendar_version = serializers.CharField(allow_null=True)
    state = Choice(STATES, source="live_state")
    origin_session = serializers.DateField(allow_null=True)
    origin_close = NumberText(allow_null=True)
    volatility = serializers.FloatField(allow_null=True, help_text="Of log returns, per session")
    problem = ProblemField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_data_cut(self, forecast: models.Forecast) -> dict[str, int]:
        """Return the version of each symbol's prices that the forecast used."""
        return {forecast.symbol: forecast.data_version}


class ForecastPoint(serializers.Serializer[Any]):
    """One future session: expected price, its quantiles by level, the random walk, and what came if it did."""

    horizon = serializers.IntegerField()
    session = serializers.DateField(source="target_session")
    point = NumberText()
    quantiles = serializers.SerializerMethodField()
    random_walk = NumberText()
    actual = serializers.SerializerMethodField()

    def get_quantiles(self, row: models.ForecastPoint) -> dict[str, str]:
        """Return the price at each level."""
        levels = zip(QUANTILES, QUANTILE_COLUMNS, strict=True)
        return {str(level): number_text(getattr(row, column)) for level, column in levels}

    @extend_schema_field(NumberText(allow_null=True))
    def get_actual(self, row: models.ForecastPoint) -> str | None:
        """Return what came as known last, null before."""
        score: models.ForecastScore | None = self.context["score"]
        actual = None if score is None else score.actual[row.horizon - 1]
        return None if actual is None else number_text(actual)


class ForecastScore(serializers.Serializer[Any]):
    """What a forecast was worth on the sessions that came so far. Below 1 is better than the random walk."""

    scored_count = serializers.IntegerField()
    mae_rw_ratio = serializers.FloatField(allow_null=True)
    pinball_rw_ratio = serializers.FloatField(allow_null=True)
    coverage80_ratio = serializers.FloatField(allow_null=True)
    coverage95_ratio = serializers.FloatField(allow_null=True)


class Forecast(ForecastSummary):
    """One forecast with its sessions and, once a session came, its score."""

    points = serializers.SerializerMethodField()
    score = serializers.SerializerMethodField()

    @extend_schema_field(ForecastPoint(many=True))
    def get_points(self, forecast: models.Forecast) -> Any:
        """Return the sessions in order, none before the forecast was made."""
        context = {"score": score_of(forecast.id)}
        return ForecastPoint(points_of(forecast.id), many=True, context=context).data

    @extend_schema_field(ForecastScore(allow_null=True))
    def get_score(self, forecast: models.Forecast) -> Any:
        """Return the score, null before the first session came."""
        score = score_of(forecast.id)
        return None if score is None else ForecastScore(score).data


class RequestForecast(Operation):
    """Forecast the next 30 sessions of a symbol from its stored prices.

    The same prices have one forecast: when it was made before, the answer is that forecast.
    """

    class Input(StrictSerializer):
        """What to forecast."""

        symbol = SymbolField()

    Output = Forecast
    successes = (200, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue it."""
        symbol = self.body()["symbol"]
        version = latest_version("analytics", symbol)
        # When another request for the same prices came first at this very moment, its forecast is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_forecast(symbol=symbol, data_version=version, now=timezone.now())
        forecast = forecast_by_id(forecast_id_for(symbol=symbol, data_version=version, kind="live"))
        return started(
            Forecast(forecast).data, location=reverse("forecast", args=[forecast.id]), state=forecast.state
        )


class ListForecasts(Operation):
    """List forecasts, newest first."""

    class Query(PageQuery):
        """Which of them."""

        symbol = SymbolField(required=False)
        kind = Choice(KINDS, required=False)

    class Output(Page):
        """A page of forecasts."""

        results = ForecastSummary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(
            self, self.Output, forecasts(symbol=self.query.get("symbol"), kind=self.query.get("kind"))
        )


class ShowForecast(Operation):
    """Show one forecast."""

    Output = Forecast
    problems = (404,)

    def get(self, request: Request, forecast_id: UUID) -> Response:
        """Show it."""
        return Response(Forecast(forecast_by_id(forecast_id)).data)
