"""Tables that stand in every service's schema, as models of one service each."""

from functools import cache
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.conf import settings
from django.db.models import Model

# Migrations look at every model of Django's own registry; these stand for tables that others migrate.
_UNMIGRATED = Apps()
_UNMIGRATED.app_configs = apps.app_configs


@cache
def model_in[M: Model](service: str, model: type[M]) -> type[M]:
    """Return the model as it stands in one service's schema: a proxy that the router sends there.

    Its app is the service's own package.
    """
    names = {name: getattr(model._meta, name) for name in ("verbose_name", "verbose_name_plural")}  # noqa: SLF001
    options: dict[str, Any] = {"proxy": True, "app_label": service, "apps": _UNMIGRATED, **names}
    return type(model.__name__, (model,), {"__module__": __name__, "Meta": type("Meta", (), options)})


def services_here() -> list[str]:
    """Return the services that this process runs."""
    return list(settings.SERVICES)
