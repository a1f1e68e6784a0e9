"""What every service's HTTP side has in common, with two tables that stand in each service's schema."""

from django.apps import AppConfig


class HttpConfig(AppConfig):
    """Carries keyed requests and the counts of callers, and the pages' templates and static files."""

    name = "shared.http"
    label = "http"
    default_auto_field = "django.db.models.BigAutoField"
