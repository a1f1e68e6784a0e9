"""The edge of every command: settings are read here, and expected failures become one sentence here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django.db
import psycopg

from deploy.local import output
from deploy.local.dotenv import load_env_file
from deploy.local.errors import DatabaseUnusable
from deploy.local.signals import stop_signals_interrupt
from shared.errors import BellwetherError
from shared.settings.base import on_loopback, risks
from shared.settings.env import read

INTERRUPTED = 130


@contextmanager
def command_edge(*, as_json: bool) -> Iterator[None]:
    """Read the settings, then turn an expected failure inside into a problem on stderr and exit code 1.

    An interrupt becomes exit code 130.
    """
    try:
        with stop_signals_interrupt():
            _read_settings()
            yield
    except BellwetherError as error:
        output.print_problem(error, as_json=as_json)
        raise SystemExit(1) from None
    except (psycopg.Error, django.db.Error) as error:
        # The first line says what is wrong; it never holds the password.
        unusable = DatabaseUnusable(f"The database cannot be used: {str(error).strip().splitlines()[0]}.")
        output.print_problem(unusable, as_json=as_json)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _read_settings() -> None:
    for doubt in load_env_file(os.environ):
        output.print_warning(doubt)
    values = read(os.environ)
    for risk in risks(values) if on_loopback(values) else ():
        output.print_warning(risk)
