"""`/metrics`, for Prometheus: open to whoever reaches it, so off unless this machine alone does."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.errors import NotFound
from shared.http.pages import page_route
from shared.messaging.exposition import registry
from shared.messaging.topology import Names


def show_metrics(request: HttpRequest) -> HttpResponse:
    """Return the text exposition of all services of this process. Raises NotFound where it is off."""
    values = settings.BELLWETHER
    if not values["METRICS_ENABLED"]:
        raise NotFound("Metrics are not served here; see METRICS_ENABLED.")
    found = registry(
        settings.SERVICES, broker_url=values["BROKER_URL"], names=Names(values["BROKER_NAMESPACE"])
    )
    return HttpResponse(generate_latest(found), content_type=CONTENT_TYPE_LATEST)


metrics_urlpatterns = page_route("metrics", "metrics", get=show_metrics)
