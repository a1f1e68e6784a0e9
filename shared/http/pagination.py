"""Cursor pages: stable while rows are added."""

from rest_framework.pagination import CursorPagination


class CreatedCursorPagination(CursorPagination):
    """Newest first; `limit` up to 1,000."""

    ordering = ("-created_at", "-id")
    page_size = 50
    max_page_size = 1000
    page_size_query_param = "limit"
