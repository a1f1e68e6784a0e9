"""Where the server's Unix socket lies: the kernel allows only 107 bytes for its path."""

import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import quote

from deploy.local.accounts import Account
from deploy.local.errors import StateFolderUnusable

LONGEST_SOCKET_PATH_BYTES = 107
SHORT_ROOT = Path("/tmp")  # noqa: S108 - the folder made in it is checked to be ours and closed to others
PORT = 5432


def socket_folder_for(folder: Path, account: Account) -> Path:
    """Return a folder only the account may enter: below `folder`, or below /tmp when that path is too long.

    Raises `StateFolderUnusable` when somebody else made the folder in /tmp.
    """
    chosen = folder / "socket"
    if not fits(chosen):
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        chosen = SHORT_ROOT / f"bellwether-{name}"
    chosen.mkdir(mode=0o700, exist_ok=True)
    status = chosen.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (account.uid, os.geteuid()):
        raise StateFolderUnusable(
            f"{chosen} belongs to another user: remove it, PostgreSQL's socket goes there."
        )
    account.own(chosen)
    return chosen


def fits(folder: Path) -> bool:
    """Return whether a socket in this folder has a path the kernel accepts."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH_BYTES


def socket_url(*, folder: Path, database: str) -> str:
    """Return the URL libpq and django-environ both read: the host stands in the query, for they decode no %2F."""
    return f"postgresql://bellwether@/{quote(database)}?host={quote(str(folder))}&port={PORT}"
