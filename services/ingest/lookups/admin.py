"""Lookups with their answers."""

from django.contrib import admin

from services.ingest.lookups.models import Lookup, LookupAnswer
from shared.admin.records import RecordAdmin


@admin.register(Lookup)
class LookupAdmin(RecordAdmin):
    """Shows each question to a provider and its outcome."""

    list_display = ("kind", "subject", "provider", "state", "row_count", "created_at", "finished_at")
    list_filter = ("state", "kind", "provider")
    date_hierarchy = "created_at"
    search_fields = ("id", "subject")
    search_help_text = "A lookup's id, or how what was asked for begins"
    ordering = ("-created_at",)
    heading = ("kind", "subject")


@admin.register(LookupAnswer)
class LookupAnswerAdmin(RecordAdmin):
    """Shows the rows that a provider answered with."""

    list_display = ("answer_hash",)
    search_fields = ("answer_hash",)
    search_help_text = "How an answer's hash begins"
    ordering = ("answer_hash",)
    heading = ("answer_hash",)
