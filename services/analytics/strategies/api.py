"""The strategies that there are, over HTTP: what a form or a program needs to ask for a run."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.http.conditional import Revalidated
from shared.http.fields import Choice


class StrategyParameter(serializers.Serializer[Any]):
    """One parameter with its inclusive range."""

    name = serializers.CharField()
    type = Choice(("int", "float"))
    default = serializers.FloatField()
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    help = serializers.CharField()


class StrategyDescription(serializers.Serializer[Any]):
    """A strategy; `version` changes whenever the same bars could give other decisions.

    `warm_up_sessions` is how many bars the first decision needs, with the default parameters. `has_levels` says
    that it may decide limits, stops and targets beside signals.
    """

    name = serializers.CharField()
    version = serializers.IntegerField()
    summary = serializers.CharField()
    has_levels = serializers.BooleanField()
    warm_up_sessions = serializers.IntegerField()
    parameters = StrategyParameter(many=True)


class ListStrategies(Revalidated):
    """List the strategies with their parameters, by name."""

    class Output(serializers.Serializer[Any]):
        """All strategies."""

        results = StrategyDescription(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return Response({"results": [rule.described() for rule in STRATEGIES.values()]})
