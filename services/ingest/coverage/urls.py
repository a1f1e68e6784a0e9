"""Address of what is stored of an instrument."""

from services.ingest.coverage.api import ShowCoverage
from shared.http.operations import route

urlpatterns = route("api/v1/instruments/<str:symbol>/coverage/", "instrument-coverage", get=ShowCoverage)
