"""Settings of a process under test: those of a service, or of the embedded system, and the cheap workload."""

import importlib
import os

_base = importlib.import_module(os.environ.get("CHAOS_SETTINGS", "deploy.local.settings"))
globals().update({name: getattr(_base, name) for name in dir(_base) if name.isupper()})

INSTALLED_APPS = [*_base.INSTALLED_APPS, "services.tests.chaos.apps.ChaosConfig"]
ROOT_URLCONF = "services.tests.chaos.urls"
