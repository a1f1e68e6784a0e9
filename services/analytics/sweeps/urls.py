"""Addresses of sweeps."""

from services.analytics.sweeps.api import CancelSweep, ListSweeps, RequestSweep, ShowSweep
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/sweeps/", "sweeps", get=ListSweeps, post=RequestSweep),
    *route("api/v1/sweeps/<uuid:sweep_id>/", "sweep", get=ShowSweep, delete=CancelSweep),
]
