"""Settings of the reports service on its own."""

import os

from shared.settings.base import configure
from shared.settings.env import read

APPS = ["services.reports", "services.reports.documents"]

globals().update(
    configure(
        read(os.environ),
        services=["reports"],
        apps=APPS,
        urls="services.reports.urls",
    )
)
