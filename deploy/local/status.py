"""What the system does right now, at a glance."""

import os
from typing import Any

from deploy.local.processes import left_behind, running_record
from deploy.local.state import open_state
from deploy.local.system import open_system

_COUNTS = """
SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL), (SELECT count(*) FROM inbox WHERE state = 'waiting'),
       (SELECT count(*) FROM parked WHERE resolution IS NULL),
       (SELECT count(*) FROM job WHERE state IN ('queued', 'running', 'waiting_quota'))
"""


def status_now() -> dict[str, Any]:
    """Return what runs, what waits in each service and which instruments are stored."""
    state = open_state(os.environ)
    record = running_record(state)
    if record is None:
        return {"running": False, "left_behind": left_behind(state)}
    with open_system():
        from django.db import connections

        from services.ingest.market.selectors import instruments
        from shared.settings.databases import SERVICES

        services = {}
        for service in SERVICES:
            with connections[service].cursor() as cursor:
                cursor.execute(_COUNTS)
                unsent, waiting, parked, open_jobs = cursor.fetchone()
            services[service] = {
                "unsent": unsent,
                "waiting": waiting,
                "parked": parked,
                "open_jobs": open_jobs,
            }
        return {
            "running": True,
            "url": record.url,
            "processes": sorted(record.children),
            "services": services,
            "instruments": {row.symbol: row.version for row in instruments()},
        }
