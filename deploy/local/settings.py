"""Settings of the embedded system: all three services in one process."""

import os
from typing import Any

from shared.settings.base import configure
from shared.settings.databases import SERVICES
from shared.settings.env import read

APPS = [
    "services.ingest.sessions",
    "services.ingest.market",
    "services.ingest.fetches",
    "services.analytics.backtests",
    "services.analytics.forecasting",
    "services.reports.documents",
]

BELLWETHER: dict[str, Any]
TOKEN_CHECK_ALIAS: str

globals().update(
    configure(
        read(os.environ),
        title="Bellwether",
        services=list(SERVICES),
        apps=APPS,
        urls="deploy.local.urls",
    )
)
