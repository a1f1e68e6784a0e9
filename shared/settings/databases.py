"""The four database aliases of DESIGN section 5: one schema and one role each, and no default."""

from typing import Any

import environ

SERVICES = ("ingest", "analytics", "reports")
ALIASES = (*SERVICES, "identity")
IN_EVERY_SERVICE = {"eventstore", "http"}  # apps whose tables stand in each service's schema
ROLE_OF = {alias: f"bellwether_{alias}" for alias in ALIASES}


def databases(values: dict[str, Any], *, as_owner: bool = False) -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES for the parsed environment `values`.

    `default` stays empty, so a query that names no service fails. With `as_owner` every alias connects as
    the migrator: it sees its own schema first, but takes on no service's role.
    """
    found: dict[str, dict[str, Any]] = {"default": {}}
    for alias in ALIASES:
        own = values[f"{alias.upper()}_DATABASE_URL"]
        url = values["DATABASE_URL"] if as_owner or own is None else own
        if url is None:
            continue
        take_role = not as_owner and own is None
        found[alias] = _connection(url, alias=alias, role=ROLE_OF[alias] if take_role else None)
    return found


def _connection(url: str, *, alias: str, role: str | None) -> dict[str, Any]:
    config: dict[str, Any] = environ.Env.db_url_config(url)
    options = [f"-c search_path={alias}", "-c timezone=UTC", "-c lock_timeout=10s"]
    # What a halted or dead process holds is free again soon.
    options.append("-c idle_in_transaction_session_timeout=10s")
    options.append("-c client_connection_check_interval=1s")
    if role:
        options.append(f"-c role={role}")
    return {
        **config,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **config.get("OPTIONS", {}),
            "connect_timeout": 5,
            "application_name": f"bellwether-{alias}",
            "options": " ".join(options),
        },
    }


class ServiceRouter:
    """Sends every model to its service's alias; tables that each service has must be named with `using`."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Return the alias that owns the model's app."""
        return alias_of_app(model._meta.app_label)  # noqa: SLF001 Django documents it

    db_for_write = db_for_read

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        """Return whether both sides live in one schema."""
        return self.db_for_read(first) == self.db_for_read(second)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether the app's tables belong in this alias's schema."""
        if app_label in IN_EVERY_SERVICE:
            return db in SERVICES
        return alias_of_app(app_label) == db


def alias_of_app(app_label: str) -> str | None:
    """Return the alias for an app: `ingest_market` lives in `ingest`, Django's own apps in `identity`."""
    if app_label in IN_EVERY_SERVICE:
        return None
    owner = app_label.split("_", 1)[0]
    return owner if owner in SERVICES else "identity"
