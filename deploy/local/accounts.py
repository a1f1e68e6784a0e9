"""The account PostgreSQL runs under: it refuses root, so root lends it another one."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and its group; `switch` is what `subprocess` needs to become it."""

    uid: int
    gid: int
    name: str

    @property
    def switch(self) -> dict[str, Any]:
        """Arguments for `subprocess` that start a program as this account, and none when we already are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make the folder private to this account."""
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def closed_folder(self, path: Path) -> Path | None:
        """Return the outermost folder on the way to `path` that this account may not pass, or None."""
        for folder in reversed([path, *path.parents]):
            status = folder.stat()
            shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
            if not (status.st_mode >> shift) & 1:
                return folder
        return None


def server_account(data_folder: Path | None) -> Account:
    """Return who runs the server: ourselves, or for root the data folder's owner, else `postgres`, else `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        name = pwd.getpwuid(uid).pw_name if _is_known(uid) else str(uid)
        return Account(uid=uid, gid=os.getegid(), name=name)
    if data_folder is not None and _is_known(data_folder.stat().st_uid):
        return _account(pwd.getpwuid(data_folder.stat().st_uid))
    try:
        return _account(pwd.getpwnam("postgres"))
    except KeyError:
        return _account(pwd.getpwnam("nobody"))


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)
