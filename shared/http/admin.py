"""Each service's answers under their keys and counts of callers, without what was asked or answered."""

from django.contrib import admin

from shared.admin.per_service import model_in, services_here
from shared.admin.records import RecordAdmin
from shared.http.models import KeyedRequest, RateWindow


def register_callers(service: str) -> None:
    """Show what one service keeps of its callers."""

    @admin.register(model_in(service, KeyedRequest))
    class KeyedRequestAdmin(RecordAdmin):
        list_display = ("key", "route", "caller", "status", "created_at", "claimed_at")
        search_fields = ("=caller",)
        search_help_text = "A caller, whole"
        ordering = ("-created_at",)
        heading = ("route", "key")
        elsewhere = ("body", "headers", "request_hash", "seed")

    @admin.register(model_in(service, RateWindow))
    class RateWindowAdmin(RecordAdmin):
        list_display = ("caller", "minute", "count")
        search_fields = ("caller",)
        search_help_text = "How a caller begins"
        ordering = ("-minute",)
        heading = ("caller",)


for name in services_here():
    register_callers(name)
