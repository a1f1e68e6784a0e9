"""Held changes over HTTP: everybody may look, operators decide."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.quarantine.models import STATES
from services.ingest.quarantine.selectors import (
    compared_actions,
    compared_bars,
    quarantine_by_id,
    quarantines,
)
from services.ingest.quarantine.services import accept_change, dismiss_change
from shared.errors import BellwetherError
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, NumberText, WholeNumber
from shared.http.operations import Operation
from shared.http.pagination import Page, PageQuery, WorkQuery, link_header, page_of, series_page

KINDS = ("large-change", "many-changes")


class OperatorsOnly(BellwetherError):
    """Raised when somebody who is no superuser would decide what is true for everybody."""

    status, slug, title = 403, "operators-only", "Only an operator may do this"


class Quarantine(serializers.Serializer[Any]):
    """A change of known prices that looks wrong and was not applied, and what was decided about it.

    Once accepted, its rows are the instrument's `version`. It is `outdated` once the stored rows are others, or the
    provider took it back.
    """

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    provider = serializers.CharField()
    attribution = serializers.CharField()
    fetch_id = serializers.UUIDField()
    kind = Choice(KINDS)
    detail = serializers.CharField()
    row_count = serializers.IntegerField()
    first_session = serializers.DateField()
    last_session = serializers.DateField()
    status = Choice(STATES, source="state")
    version = serializers.IntegerField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class PricesOfBar(serializers.Serializer[Any]):
    """A bar's numbers as traded."""

    open = NumberText()
    high = NumberText()
    low = NumberText()
    close = NumberText()
    volume = serializers.IntegerField()


class BarChange(serializers.Serializer[Any]):
    """A session as it was stored when the change came, and as it was told; the ratio is that of the closes, less 1."""

    session = serializers.DateField()
    held = PricesOfBar()
    told = PricesOfBar()
    close_change_ratio = NumberText()


class ActionChange(serializers.Serializer[Any]):
    """A split or dividend as it was stored, null where it was not, and as it was told, null where it is no more."""

    kind = serializers.CharField()
    ex_date = serializers.DateField()
    held = NumberText(allow_null=True)
    told = NumberText(allow_null=True)


class ListQuarantines(Revalidated):
    """List the changes that were held back, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATES, required=False, help_text="Whether it waits, or what was decided")

    class Output(Page):
        """A page of held changes."""

        results = Quarantine(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, quarantines())


class ShowQuarantine(Revalidated):
    """Show one held change with its rows: all splits and dividends, and the bars by pages."""

    class Query(PageQuery):
        """Which page of its bars."""

        limit = WholeNumber(min_value=1, max_value=1000, default=100, help_text="Most bars of the page")

    class Output(Quarantine, Page):
        """A held change and a page of its bars."""

        bars = BarChange(many=True)
        actions = ActionChange(many=True)

    problems = (404,)

    def get(self, request: Request, quarantine_id: UUID) -> Response:
        """Show it."""
        found = quarantine_by_id(quarantine_id)
        bars = compared_bars(found)
        page, links = series_page(self, [bar["session"] for bar in bars])
        shown = {
            **Quarantine(found).data,
            **links,
            "bars": BarChange(bars[page], many=True).data,
            "actions": ActionChange(compared_actions(found), many=True).data,
        }
        return Response(shown, headers=link_header(links))


class Decision(Operation):
    """Base of both decisions."""

    Output = Quarantine
    problems = (403, 404, 409)

    def decided(self, decide: Callable[..., object], quarantine_id: UUID) -> Response:
        """Decide in the caller's name, and return what came of it. Raises OperatorsOnly, and what `decide` raises."""
        if not self.caller.is_superuser:
            raise OperatorsOnly(f"{self.caller.username} is no superuser, and this holds for everybody.")
        self.body()
        decide(quarantine_id=quarantine_id, decided_by=self.caller.username, now=timezone.now())
        return Response(Quarantine(quarantine_by_id(quarantine_id)).data)


class AcceptChange(Decision):
    """Let a held change through: its rows become the instrument's next version. For operators."""

    def post(self, request: Request, quarantine_id: UUID) -> Response:
        """Record its rows."""
        return self.decided(accept_change, quarantine_id)


class DismissChange(Decision):
    """Drop a held change for good: the same is not held back again, unless it is outdated. For operators."""

    def post(self, request: Request, quarantine_id: UUID) -> Response:
        """Drop it."""
        return self.decided(dismiss_change, quarantine_id)
