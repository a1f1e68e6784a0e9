"""Fetches at their older address."""

from functools import partial
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.fetches.api import PROVIDER_HELP, Fetch
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import FetchedToday, request_fetch
from services.ingest.providers.registry import AUTO, provider_names
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.compat import OlderOperation, OlderQuery
from shared.http.fields import Choice, symbol_of_address
from shared.http.operations import started


class FetchSymbol(OlderOperation):
    """Fetch all prices of a symbol and wait for them.

    A provider is asked once a day (UTC): when a fetch of all its prices brought them today, the answer is the last
    such fetch, and its header `Age` says how many seconds ago that ended. One that failed, was refused or cancelled is
    tried again.
    """

    class Query(OlderQuery):
        """Whom to ask."""

        provider = Choice(provider_names(), default=AUTO, help_text=PROVIDER_HELP)

    Output = Fetch
    problems = (404, 409)
    successor, title = "fetches", "Fetch of {symbol}"

    def get(self, request: Request, symbol: str) -> Response:
        """Fetch them."""
        fetch_id, now, is_earlier = self.new_id(), timezone.now(), False
        try:
            request_fetch(
                fetch_id=fetch_id,
                symbol=symbol_of_address(symbol),
                provider=self.query["provider"],
                start=None,
                end=None,
                now=now,
                once_a_day=True,
            )
        except FetchedToday as done:
            fetch_id, is_earlier = UUID(done.extra["fetch_id"]), True
        except JobAlreadyOpen as under_way:
            fetch_id = UUID(under_way.extra["job_id"])
        fetch = self.finished(partial(fetch_by_id, fetch_id))
        answer = started(
            Fetch(fetch).data, location=reverse("fetch", args=[fetch_id]), state=fetch.state, is_new=False
        )
        if is_earlier and fetch.finished_at:
            answer["Age"] = str(max(0, int((now - fetch.finished_at).total_seconds())))
        return answer
