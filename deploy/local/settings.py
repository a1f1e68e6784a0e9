"""Settings of the embedded system: all three services in one process."""

import os
from typing import Any

from shared.settings.base import configure
from shared.settings.databases import SERVICES
from shared.settings.env import read

APPS = [
    "services.ingest",
    "services.ingest.sessions",
    "services.ingest.market",
    "services.ingest.quarantine",
    "services.ingest.indexes",
    "services.ingest.quota",
    "services.ingest.fetches",
    "services.ingest.lookups",
    "services.ingest.watchlists",
    "services.analytics",
    "services.analytics.backtests",
    "services.analytics.forecasting",
    "services.analytics.sweeps",
    "services.analytics.users",
    "services.analytics.walk_forwards",
    "services.reports",
    "services.reports.documents",
]

BELLWETHER: dict[str, Any]
RISKS: list[str]
TOKEN_CHECK_ALIAS: str
WSGI_APPLICATION = "deploy.local.wsgi.application"

globals().update(
    configure(
        read(os.environ),
        services=list(SERVICES),
        apps=APPS,
        urls="deploy.local.urls",
    )
)
globals()["INSTALLED_APPS"].insert(
    0, "deploy.local"
)  # so that its commands stand over Django's of the same name
