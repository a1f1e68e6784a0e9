"""Addresses of quota."""

from services.ingest.quota.api import ShowQuota
from shared.http.operations import route

urlpatterns = [*route("api/v1/quota/", "quota", get=ShowQuota)]
