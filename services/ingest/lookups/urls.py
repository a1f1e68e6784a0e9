"""Addresses of lookups."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
