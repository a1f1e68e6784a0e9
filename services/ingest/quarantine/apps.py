"""Changes to known prices that are held back for an operator."""

from django.apps import AppConfig


class QuarantineConfig(AppConfig):
    """Holds back what looks wrong."""

    name = "services.ingest.quarantine"
    label = "ingest_quarantine"
    verbose_name = "Ingest: quarantine"

    def ready(self) -> None:
        """Register the projectors."""
        from services.ingest.quarantine import handlers  # noqa: F401 - register on import
