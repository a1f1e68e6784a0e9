"""Report documents."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Renders a report when its parts are there."""

    name = "services.reports.documents"
    label = "reports_documents"
    verbose_name = "Reports: documents"

    def ready(self) -> None:
        """Register projectors, reactors and jobs."""
        from services.reports.documents import handlers, tasks  # noqa: F401 - register on import
