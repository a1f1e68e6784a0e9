"""What the root `manage.py` runs: Django's commands inside the embedded system, for as long as they need it."""

import os
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from deploy.local.failures import command_edge
from deploy.local.state import open_state
from deploy.local.system import open_system
from shared.errors import ValidationFailed
from shared.settings.databases import ALIASES
from shared.settings.env import is_given

# These read no table, so nothing is started for them.
_WITHOUT_DATABASE = {
    *("help", "version", "check", "diffsettings", "findstatic", "collectstatic", "startapp", "startproject"),
    *("makemessages", "compilemessages", "sendtestemail"),
}
_HELP = {"-h", "--help", "--version"}
# They run on, and so they log as `up` does.
_RUNS_ON = {"runserver", "run_roles"}


class NoDatabaseNamed(ValidationFailed):
    """Raised when a command of Django would use the default database, which there is none of."""

    slug, title = "no-database-named", "The database must be named"


def main(arguments: Sequence[str]) -> None:
    """Run one command; what can be expected to fail is one sentence and exit code 1."""
    words = list(arguments[1:])
    with command_edge(as_json="--json" in words):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
        if _needs_database(words):
            with open_system(quiet=words[0] not in _RUNS_ON):
                _execute(arguments)
            return
        if words[:1] == ["check"] and not is_given("SECRET_KEY", os.environ):
            os.environ["SECRET_KEY"] = open_state(os.environ).secret("secret_key")
        _execute(arguments)


def _execute(arguments: Sequence[str]) -> None:
    try:
        execute_from_command_line(list(arguments))
    except ImproperlyConfigured as error:
        if "supply the ENGINE value" not in str(error):  # Django's word for the empty alias `default`
            raise
        raise NoDatabaseNamed(
            f"There is no default database: add --database with one of {', '.join(ALIASES)}."
        ) from None


def _needs_database(words: Sequence[str]) -> bool:
    if not words or words[0] in _WITHOUT_DATABASE:
        return "--database" in words
    return not _HELP & set(words)
