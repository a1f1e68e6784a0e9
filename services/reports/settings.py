"""Settings of the reports service on its own."""

import os

from shared.settings.base import configure
from shared.settings.env import read

APPS = ["services.reports.documents"]

globals().update(
    configure(
        read(os.environ),
        title="Bellwether reports",
        services=["reports"],
        apps=APPS,
        urls="services.reports.urls",
    )
)
