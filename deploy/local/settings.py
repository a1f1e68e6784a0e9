"""Settings of the embedded system: all three services in one process."""

import os

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

globals().update(
    configure(
        read(os.environ),
        title="Bellwether",
        apps=APPS,
        urls="deploy.local.urls",
        token_alias=SERVICES[0],
    )
)
