"""Settings of the analytics service on its own."""

import os

from shared.settings.base import configure
from shared.settings.env import read

APPS = [
    "services.analytics",
    "services.analytics.backtests",
    "services.analytics.forecasting",
    "services.analytics.sweeps",
    "services.analytics.users",
    "services.analytics.walk_forwards",
]

globals().update(
    configure(
        read(os.environ),
        services=["analytics"],
        apps=APPS,
        urls="services.analytics.urls",
    )
)
