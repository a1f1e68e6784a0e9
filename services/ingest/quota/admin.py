"""Calls to providers, and what is known of the keys."""

from django.contrib import admin

from services.ingest.providers.calls import Verdict
from services.ingest.quota.models import ProviderCall, ProviderCapability, ProviderState
from shared.admin.lists import choice_filter
from shared.admin.records import RecordAdmin


@admin.register(ProviderCall)
class ProviderCallAdmin(RecordAdmin):
    """Shows every call with how its answer was understood."""

    list_display = (
        "sent_at",
        "provider",
        "function",
        "subject",
        "verdict",
        "http_status",
        "byte_count",
        "answered_at",
        "detail",
    )
    list_filter = (choice_filter("verdict", [verdict.value for verdict in Verdict]),)
    date_hierarchy = "sent_at"
    search_fields = ("asked_by",)
    search_help_text = "The id of the fetch or lookup that asked"
    ordering = ("-id",)
    heading = ("provider", "function", "subject")


@admin.register(ProviderState)
class ProviderStateAdmin(RecordAdmin):
    """Lists which providers take calls of which key."""

    list_display = ("provider", "key_fingerprint", "is_closed", "verdict", "until", "since", "detail")
    list_filter = ("is_closed",)
    search_fields = ("provider",)
    search_help_text = "How a provider begins"
    ordering = ("provider", "key_fingerprint")


@admin.register(ProviderCapability)
class ProviderCapabilityAdmin(RecordAdmin):
    """Lists what each key may do or not."""

    list_display = ("provider", "key_fingerprint", "capability", "is_allowed", "learnt_at")
    list_filter = ("is_allowed",)
    search_fields = ("provider",)
    search_help_text = "How a provider begins"
    ordering = ("provider", "key_fingerprint", "capability")
