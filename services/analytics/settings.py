"""Settings of the analytics service on its own."""

import os

from shared.settings.base import configure
from shared.settings.env import read

SERVICES = ["analytics"]
APPS = ["services.analytics.backtests", "services.analytics.forecasting"]

globals().update(
    configure(
        read(os.environ),
        title="Bellwether analytics",
        apps=APPS,
        urls="services.analytics.urls",
        callers_alias="analytics",
    )
)
