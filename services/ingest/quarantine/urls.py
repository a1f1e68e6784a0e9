"""Addresses of held changes."""

from services.ingest.quarantine.api import AcceptChange, DismissChange, ListQuarantines, ShowQuarantine
from shared.http.operations import route

_ONE = "api/v1/quarantine/<uuid:quarantine_id>/"

urlpatterns = [
    *route("api/v1/quarantine/", "quarantines", get=ListQuarantines),
    *route(_ONE, "quarantine", get=ShowQuarantine),
    *route(f"{_ONE}accept/", "quarantine-accept", post=AcceptChange),
    *route(f"{_ONE}dismiss/", "quarantine-dismiss", post=DismissChange),
]
