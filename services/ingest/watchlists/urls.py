"""Addresses of watch lists."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
