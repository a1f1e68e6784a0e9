"""The buses and the processes around them; no tables of its own."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Brings the command `run_roles`."""

    name = "shared.messaging"
    label = "messaging"
