"""`manage.py migrate`: brings all four schemas to what this release needs, with roles, views and grants."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from deploy.postgres.migrate import migrate as migrate_everything
from deploy.postgres.owner import as_owner
from shared.settings.databases import ALIASES, alias_of_app


class Command(migrate.Command):
    """Migrates everything as one step; with an app, an alias or `--plan` it is Django's command, run as the owner."""

    help = "Bring tables, views and rights of all four schemas to what this release needs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments, but no default alias."""
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Check the databases that are about to be migrated."""
        named = options["database"]
        return {"databases": [named] if named else list(ALIASES)}

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate."""
        label, database = options["app_label"], options["database"]
        if database is None and label is None and not options["plan"] and not options["check_unapplied"]:
            migrate_everything()
            self.stdout.write("The tables, views and rights of all services are up to date.")
            return
        aliases = [database] if database else [alias_of_app(label)] if label else ALIASES
        with as_owner():
            for alias in aliases:
                super().handle(*args, **{**options, "database": alias})
