"""What can go wrong on the machine itself: folders, ports, servers. One clear sentence each."""

from shared.errors import BellwetherError


class LauncherError(BellwetherError):
    """Raised when this machine does not let Bellwether set up, start or stop what it needs."""

    status, slug, title = 500, "launcher-error", "Bellwether cannot run here"


class StateFolderUnusable(LauncherError):
    """Raised when the folder that holds data, secrets and tools cannot be created, written or reached."""

    slug, title = "state-folder-unusable", "The state folder cannot be used"


class AlreadyRunning(LauncherError):
    """Raised when `up` finds a living supervisor on the same state folder."""

    status, slug, title = 409, "already-running", "Bellwether already runs"


class PortTaken(LauncherError):
    """Raised when another program listens on the port that was asked for, or the port is not permitted."""

    status, slug, title = 409, "port-taken", "The port cannot be used"


class ProcessFailed(LauncherError):
    """Raised when a process we started ends by itself or does not become ready in time."""

    slug, title = "process-failed", "A process did not keep running"


class PostgresUnavailable(LauncherError):
    """Raised when no PostgreSQL server can be found or started."""

    slug, title = "postgres-unavailable", "PostgreSQL is not available"


class DatabaseUnusable(LauncherError):
    """Raised when the database answers not at all, or not to what Bellwether needs of it."""

    status, slug, title = 503, "database-unusable", "The database cannot be used"


class BrokerUnavailable(LauncherError):
    """Raised when no RabbitMQ can be found, downloaded or started."""

    slug, title = "broker-unavailable", "RabbitMQ is not available"
