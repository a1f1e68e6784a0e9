"""Users and tokens."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Lives in schema `identity`; services reach it only through `identity.check_token`."""

    name = "shared.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"
