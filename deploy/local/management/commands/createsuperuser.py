"""`manage.py createsuperuser`: Django's command, where the users are."""

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandParser


class Command(createsuperuser.Command):
    """Works on the users of the alias `identity` unless told otherwise."""

    help = "Make a user who may do everything, also in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database="identity")
