"""Forecasts over HTTP."""

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

from services.analytics.forecasting import models
from services.analytics.forecasting.domain import QUANTILES
from services.analytics.forecasting.selectors import forecast_by_id, forecasts, points_of, score_of
from services.analytics.forecasting.services import KINDS, cancel_forecast, forecast_id_for, start_forecast
from services.analytics.forecasting.track_record import QUANTILE_COLUMNS
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, NumberText, StrictSerializer, SymbolField, number_text
from shared.http.operations import Operation, started
from shared.http.pagination import SHAPES, Page, WorkQuery, page_of
from shared.http.problems import ProblemField
from shared.http.shapes import either
from shared.pricing.reader import latest_version

STATUSES = ("queued", "running", "succeeded", "refused", "failed", "cancelled")


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
    status = Choice(STATUSES, source="live_state")
    origin_session = serializers.DateField(allow_null=True)
    origin_close = NumberText(allow_null=True)
    volatility = serializers.FloatField(allow_null=True, help_text="Of log returns, per session")
    error = ProblemField(allow_null=True, source="problem")
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


class ForecastPointColumns(serializers.Serializer[Any]):
    """The sessions of a forecast in order, one array for each column; `actual` is null until a session came."""

    horizon = serializers.ListField(child=serializers.IntegerField())
    session = serializers.ListField(child=serializers.DateField())
    point = serializers.ListField(child=serializers.FloatField())
    quantiles = serializers.DictField(child=serializers.ListField(child=serializers.FloatField()))
    random_walk = serializers.ListField(child=serializers.FloatField())
    actual = serializers.ListField(child=serializers.FloatField(allow_null=True))


class ForecastInColumns(Forecast):
    """One forecast whose sessions are parallel arrays of plain numbers."""

    @extend_schema_field(ForecastPointColumns)
    def get_points(self, forecast: models.Forecast) -> Any:
        """Return the sessions in order, none before the forecast was made."""
        rows, score = list(points_of(forecast.id)), score_of(forecast.id)
        levels = zip(QUANTILES, QUANTILE_COLUMNS, strict=True)
        return {
            "horizon": [row.horizon for row in rows],
            "session": [row.target_session.isoformat() for row in rows],
            "point": [row.point for row in rows],
            "quantiles": {str(level): [getattr(row, column) for row in rows] for level, column in levels},
            "random_walk": [row.random_walk for row in rows],
            "actual": [None if score is None else score.actual[row.horizon - 1] for row in rows],
        }


class RequestForecast(Operation):
    """Forecast the next 30 sessions of a symbol from its stored prices.

    The same prices have one forecast: when it was made before, the answer is that forecast.
    """

    class Input(StrictSerializer):
        """What to forecast."""

        example = {"symbol": "AAPL"}

        symbol = SymbolField()

    Output = Forecast
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        symbol, now = self.body()["symbol"], timezone.now()
        version = latest_version("analytics", symbol)
        # When another request for the same prices came first at this very moment, its forecast is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_forecast(symbol=symbol, data_version=version, now=now)
        forecast_id = forecast_id_for(symbol=symbol, data_version=version, kind="live")
        forecast = self.wait_for(partial(forecast_by_id, forecast_id))
        return started(
            Forecast(forecast).data,
            location=reverse("forecast", args=[forecast_id]),
            state=forecast.state,
            is_new=forecast.created_at == now,
        )


class ListForecasts(Revalidated):
    """List forecasts, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the forecast is")
        kind = Choice(KINDS, required=False, help_text="`live`, or issued from 30 sessions before the last")

    class Output(Page):
        """A page of forecasts."""

        results = ForecastSummary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, forecasts())


class ShowForecast(Revalidated):
    """Show one forecast: how far it is and, once it succeeded, its 30 sessions.

    Rows hold decimals as strings; with `shape=columns` the points are parallel arrays of plain numbers.
    """

    class Query(StrictSerializer):
        """In which shape."""

        shape = Choice(SHAPES, default="rows", help_text="Of the points")

    Output = either(Forecast, ForecastInColumns)
    problems = (404,)

    def get(self, request: Request, forecast_id: UUID) -> Response:
        """Show it."""
        shaped = ForecastInColumns if self.query["shape"] == "columns" else Forecast
        return Response(shaped(forecast_by_id(forecast_id)).data)


class CancelForecast(Operation):
    """Cancel a forecast that no worker has begun, and the backfilled one that is made with it."""

    Output = Forecast
    problems = (404, 409)

    def delete(self, request: Request, forecast_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_forecast(forecast_id=forecast_id)
        return Response(Forecast(forecast_by_id(forecast_id)).data)
