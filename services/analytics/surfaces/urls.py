"""Address of a sweep's surface."""

from services.analytics.surfaces.api import ListSurface
from shared.http.operations import route

urlpatterns = [*route("api/v1/sweeps/<uuid:sweep_id>/surface/", "sweep-surface", get=ListSurface)]
