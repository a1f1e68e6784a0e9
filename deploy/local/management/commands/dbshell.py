"""`manage.py dbshell`: psql as one service, with that service's rights and schema."""

import os
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import dbshell
from django.db import connections

from shared.settings.databases import ALIASES

_NAMES = {"dbname": "PGDATABASE", "application_name": "PGAPPNAME"}


class Command(dbshell.Command):
    """Opens psql as the analytics service unless told otherwise: it may read what the others publish."""

    help = "Open psql as one service, with that service's schema and rights."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database="analytics")

    def handle(self, *args: Any, **options: Any) -> None:
        """Give psql by its environment what Django would leave out: the socket, the role and the schema."""
        alias = options["database"]
        parameters = connections[alias].get_connection_params()
        for name, value in parameters.items():
            if isinstance(value, str | int):
                os.environ[_NAMES.get(name, f"PG{name.upper()}")] = str(value)
        others = ", ".join(other for other in ALIASES if other != alias)
        self.stderr.write(f"psql as the role of {alias}; --database chooses another: {others}.")
        super().handle(*args, **options)
