"""Settings of the ingest service on its own."""

import os

from shared.settings.base import configure
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
]

globals().update(
    configure(
        read(os.environ),
        services=["ingest"],
        apps=APPS,
        urls="services.ingest.urls",
    )
)
