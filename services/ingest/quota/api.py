"""What may still be asked of providers, over HTTP."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.providers.registry import REMOTE_NAMES, remote_provider
from services.ingest.quota.selectors import Quota, quota_of
from services.ingest.watchlists.selectors import planned_refreshes
from shared.http.conditional import Revalidated
from shared.http.fields import Choice
from shared.http.problems import ProblemField

STATUSES = ("ready", "no-key", "closed", "off")


class Limit(serializers.Serializer[Any]):
    """One limit: so many `calls` in any so many `seconds`, all processes together, counted when they are sent."""

    calls = serializers.IntegerField()
    seconds = serializers.FloatField()
    used = serializers.IntegerField()
    left = serializers.IntegerField()
    frees_at = serializers.DateTimeField(
        allow_null=True, help_text="When a used call is given back; null: none is used"
    )


class ProviderQuota(serializers.Serializer[Any]):
    """What may still be asked of one provider.

    A call needs something left of every limit. `capabilities` is what its answers showed that the key may do or
    not. `error` is why it takes no calls, null while it is `ready`.
    """

    provider = serializers.CharField()
    needs_key = serializers.BooleanField()
    has_key = serializers.BooleanField()
    status = Choice(STATUSES)
    limits = Limit(many=True, source="windows")
    capabilities = serializers.DictField(child=serializers.BooleanField())
    closed_until = serializers.DateTimeField(allow_null=True)
    error = ProblemField(allow_null=True)
    attribution = serializers.SerializerMethodField(help_text="Where its data comes from, under which terms")

    def get_attribution(self, quota: Quota) -> str:
        """Return the provider's own words."""
        return remote_provider(quota.provider).attribution


class PlannedRefresh(serializers.Serializer[Any]):
    """One symbol that is to be refreshed, with how many calls, and `at` when at the soonest.

    `reason` says why; where `at` is null it is not refreshed, and why not.
    """

    symbol = serializers.CharField()
    provider = serializers.CharField()
    reason = serializers.CharField()
    calls = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True)


class ShowQuota(Revalidated):
    """Show what may still be asked of each provider, and what will be asked next and why."""

    class Output(serializers.Serializer[Any]):
        """The providers that take calls, and the plan."""

        providers = ProviderQuota(many=True)
        plan = PlannedRefresh(many=True)

    def get(self, request: Request) -> Response:
        """Show it."""
        now = timezone.now()
        providers = [quota_of(name, now=now) for name in REMOTE_NAMES]
        return Response(self.Output({"providers": providers, "plan": planned_refreshes(now=now)}).data)
