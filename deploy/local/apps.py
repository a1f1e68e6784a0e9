"""The commands of the embedded system."""

from django.apps import AppConfig


class LocalConfig(AppConfig):
    """Brings `manage.py` its own commands, and Django's with defaults that fit four databases."""

    name = "deploy.local"
    label = "deploy_local"
