"""`manage.py changepassword USER`: Django's command, where the users are."""

import getpass
import sys
import warnings
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError, CommandParser
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

    def _get_pass(self, prompt: str = "Password: ") -> str:
        try:
            with warnings.catch_warnings():
                if not sys.stdin.isatty():  # nothing is echoed where nobody types
                    warnings.simplefilter("ignore", getpass.GetPassWarning)
                return str(super()._get_pass(prompt))  # type: ignore[misc]
        except EOFError:
            self.stderr.write("")  # ends the line of the prompt
            raise CommandError("No password was given: run it in a terminal, it asks twice.") from None
