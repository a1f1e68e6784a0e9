"""The exchange's trading sessions."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Publishes `market.session` and `market.calendar`."""

    name = "services.ingest.sessions"
    label = "ingest_sessions"
    verbose_name = "Ingest: sessions"
