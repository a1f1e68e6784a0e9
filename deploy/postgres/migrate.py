"""Brings a database to what this release needs: roles, schemas, tables, views and grants."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections
from psycopg import errors, sql

import shared.identity
import shared.messaging
from deploy.postgres.owner import as_owner
from shared.errors import BellwetherError
from shared.settings.databases import ALIASES, ROLE_OF

_HERE = Path(__file__).parent
_BUS = Path(shared.messaging.__path__[0]) / "bus.sql"
_CHECK_TOKEN = Path(shared.identity.__path__[0]) / "check_token.sql"
_LOCK = 6_011_955
ROLE_TRIES = 10
PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 1.0

# Note [Locks of migrations]
# Who waits for a table to change it makes everybody wait who comes behind, readers too: one transaction left open
# would hold up all. So each wait is short, what the step did is rolled back, and those behind get their turn
# before the next try. Every migration is a transaction of its own, and so is every file of SQL.
_SHORT_WAITS = "SET lock_timeout = '500ms'"
_IN_THE_WAY = (errors.LockNotAvailable, errors.DeadlockDetected)


class OwnerLacksRights(BellwetherError):
    """Raised when the owner of DATABASE_URL may not create the services' roles or act as them."""

    status, slug, title = 503, "owner-lacks-rights", "The database owner lacks rights"


class TableInUse(BellwetherError):
    """Raised when transactions that do not end keep a migration from a table that it changes."""

    status, slug, title = 503, "table-in-use", "A table that is to change stays in use"


def migrate(*, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Prepare, migrate and grant, as the owner; safe to run at any time, under load, and by several at once.

    Raises OwnerLacksRights, and TableInUse after `patience_seconds`; what was done by then stays done.
    """
    url = settings.BELLWETHER["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        ensure_roles(guard)
        guard.execute(_SHORT_WAITS)
        deadline = time.monotonic() + patience_seconds
        _try_until(deadline, lambda: run_file(guard, _HERE / "prepare.sql"))
        with as_owner():
            for alias in ALIASES:
                _try_until(deadline, lambda alias=alias: _migrate(alias))  # type: ignore[misc]
        for file in (_BUS, _CHECK_TOKEN, _HERE / "feed.sql", _HERE / "grants.sql"):
            _try_until(deadline, lambda file=file: run_file(guard, file))  # type: ignore[misc]


def _migrate(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(_SHORT_WAITS)
    call_command(DjangoMigrate(), database=alias, interactive=False, verbosity=0)


def _try_until(deadline: float, step: Callable[[], None]) -> None:
    """Do a step again while others are in its way. Raises TableInUse. See Note [Locks of migrations]."""
    while True:
        try:
            return step()
        except (*_IN_THE_WAY, OperationalError) as error:
            if not isinstance(error, _IN_THE_WAY) and not isinstance(error.__cause__, _IN_THE_WAY):
                raise
            if time.monotonic() >= deadline:
                raise TableInUse(
                    f"The database was not changed any further ({str(error).splitlines()[0]}): end the oldest"
                    " transactions (xact_start in pg_stat_activity), then do this again."
                ) from None
        time.sleep(PAUSE_SECONDS)


def ensure_roles(connection: psycopg.Connection) -> None:
    """Create the services' roles if they are missing, and let the owner act as each.

    Roles belong to the whole server and advisory locks to one database, so two databases may get here at
    once: the one that comes second finds the roles when it looks again.
    """
    for _ in range(ROLE_TRIES - 1):
        with suppress(errors.UniqueViolation, errors.DuplicateObject, errors.InternalError_):
            return _grant_roles(connection)
    return _grant_roles(connection)


def _grant_roles(connection: psycopg.Connection) -> None:
    with connection.transaction(), _explained():
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        database = sql.Identifier(connection.info.dbname)
        for name, role in ((name, sql.Identifier(name)) for name in ROLE_OF.values()):
            if name not in known:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            connection.execute(
                sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role)
            )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except errors.InsufficientPrivilege as error:
        roles = ", ".join(ROLE_OF.values())
        raise OwnerLacksRights(
            f"The owner in DATABASE_URL may not set up the roles ({str(error).splitlines()[0]}):"
            f" give it CREATEROLE, or have an administrator create {roles} and grant them to it."
        ) from None


def run_file(connection: psycopg.Connection, file: Path) -> None:
    """Run a file of SQL statements in one transaction."""
    with connection.transaction():
        connection.execute(file.read_text(encoding="utf-8").encode())
