"""`manage.py changepassword USER`: Django's command, where the users are."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandParser
from django.db.models.functions import Now

from shared.identity.models import Token
from shared.identity.usernames import folded


class Command(changepassword.Command):
    """Works on the users of the alias `identity`, and ends what was opened with the old password."""

    help = "Give a user another password; it ends the user's tokens and sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database="identity")

    def handle(self, *args: Any, **options: Any) -> str:
        """Ask for the password twice, store it, and end the tokens in all services at once."""
        username = folded(options["username"] or getpass.getuser())
        done = super().handle(*args, **{**options, "username": username})
        tokens = Token.objects.using("identity").live().filter(user__username=username)
        return f"{done}; its tokens and sessions ({tokens.update(revoked_at=Now())}) have ended."
