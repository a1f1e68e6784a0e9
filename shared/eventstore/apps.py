"""The event store: the same tables in every service's schema."""

from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    """Carries the record tables of DESIGN section 3."""

    name = "shared.eventstore"
    label = "eventstore"
    default_auto_field = "django.db.models.BigAutoField"
