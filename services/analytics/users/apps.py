"""Users, their tokens and their log-ins."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Serves `shared.identity` over HTTP; it has no tables of its own."""

    name = "services.analytics.users"
    label = "analytics_users"
