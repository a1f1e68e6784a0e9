"""Addresses of indexes."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
