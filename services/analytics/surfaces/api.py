"""The whole surface of a finished sweep, over HTTP."""

from typing import Any
from uuid import UUID

import numpy as np
from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.sweeps.api import SweepFigures
from services.analytics.sweeps.selectors import Sweep, finished_sweep, grid_of_sweep, surface_of
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, Parameters, StrictSerializer, WholeNumber
from shared.http.pagination import SHAPES, Page, paged
from shared.http.shapes import either

_MOST = 1_000_000_000


class SurfaceCell(serializers.Serializer[Any]):
    """One cell; `run` is false where the strategy does not permit its parameters, and all its figures are null."""

    cell = serializers.IntegerField()
    run = serializers.BooleanField()
    parameters = Parameters()
    metrics = SweepFigures()


class _Values(serializers.DictField):
    """An array for each name."""

    child = serializers.ListField(child=serializers.FloatField(allow_null=True))


class SurfaceColumns(serializers.Serializer[Any]):
    """Cells as arrays: their numbers, and one array for each parameter that varies and for each figure."""

    cell = serializers.ListField(child=serializers.IntegerField())
    run = serializers.ListField(child=serializers.BooleanField())
    parameters = _Values()
    metrics = _Values()


class ListSurface(Revalidated):
    """List the cells of a finished sweep, in the order of their numbers.

    Numbers count the last parameter of the grid fastest; a random search has those of the cells that were drawn.
    """

    class Query(StrictSerializer):
        """Which page of the cells, and in which shape."""

        offset = WholeNumber(min_value=0, max_value=_MOST, default=0, help_text="How many cells come before")
        limit = WholeNumber(min_value=1, max_value=10_000, default=1000, help_text="Most cells of the page")
        shape = Choice(SHAPES, default="rows", help_text="`columns`: parallel arrays, smaller and faster")

    class Rows(Page):
        """A page of cells."""

        results = SurfaceCell(many=True)

    class Columns(Page):
        """A page of cells, one array for each column."""

        results = SurfaceColumns()

    Output = either(Rows, Columns)
    problems = (404, 409)

    def get(self, request: Request, sweep_id: UUID) -> HttpResponseBase:
        """List them."""
        sweep = finished_sweep(sweep_id)
        return self.tagged(self.tag(sweep.surface_hash), lambda: self._page(sweep))

    def _page(self, sweep: Sweep) -> Response:
        first, limit = self.query["offset"], self.query["limit"]
        grid = grid_of_sweep(sweep)
        cells, figures = surface_of(sweep, grid, first=first, behind=first + limit)
        parameters = grid.values_at(cells)
        names = list(sweep.grid)
        is_run = (~np.isnan(figures[:, SWEEP_METRICS.index("total_return")])).tolist()
        columns = [[None if value != value else value for value in column] for column in figures.T.tolist()]  # noqa: PLR0124
        links = {
            "next": self._link(first + limit) if first + limit < sweep.cell_count else None,
            "previous": self._link(max(first - limit, 0)) if first else None,
        }
        if self.query["shape"] == "columns":
            varying = {name: [values[name] for values in parameters] for name in names}
            metrics = dict(zip(SWEEP_METRICS, columns, strict=True))
            body: Any = {"cell": cells.tolist(), "run": is_run, "parameters": varying, "metrics": metrics}
            return paged({"results": body}, links)
        rows = zip(cells.tolist(), is_run, parameters, zip(*columns, strict=True), strict=True)
        body = [
            {
                "cell": cell,
                "run": run,
                "parameters": {name: values[name] for name in names},
                "metrics": dict(zip(SWEEP_METRICS, row, strict=True)),
            }
            for cell, run, values, row in rows
        ]
        return paged({"results": body}, links)

    def _link(self, offset: int) -> str:
        return replace_query_param(self.request.build_absolute_uri(), "offset", offset)
