"""`manage.py createsuperuser`: Django's command, where the users are."""

import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandParser

from deploy.local.checkout import manage_line
from shared.identity.models import User
from shared.identity.passwords import require_acceptable
from shared.identity.usernames import folded


class Command(createsuperuser.Command):
    """Works on the users of the alias `identity` unless told otherwise, and takes no poor password unasked."""

    help = "Make a user who may do everything, also in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database="identity")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the user; with `--noinput` the password must be acceptable, or there is none. Raises UnacceptablePassword."""
        if options["interactive"]:
            super().handle(*args, **options)
            return
        name = folded(options["username"] or os.environ.get("DJANGO_SUPERUSER_USERNAME", ""))
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if password is not None:
            require_acceptable(password, user=User(username=name), field="password")
            super().handle(*args, **options)
            return
        super().handle(*args, **{**options, "verbosity": 0})
        if options["verbosity"]:
            self.stdout.write(
                f"Superuser {name} was made without a password. Give one: {manage_line(f'changepassword {name}')}"
            )
