"""The state folder: everything Bellwether keeps on a machine outside its checkout."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StateFolderUnusable

ROOT_DEFAULT = Path("/var/lib/bellwether")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """An existing, writable folder, private to its owner.

    As root, `root`, `tools` and `postgres` may be passed through (0711) by others, since PostgreSQL refuses
    to run as root and its account must reach its data; they cannot be listed, and secrets are 0600.
    """

    root: Path

    @property
    def tools(self) -> Path:
        """Programs we downloaded."""
        return self._folder("tools", passable=True)

    @property
    def postgres(self) -> Path:
        """Data folders of PostgreSQL, one per major version."""
        return self._folder("postgres", passable=True)

    @property
    def logs(self) -> Path:
        """What our processes print."""
        return self._folder("logs")

    @property
    def cache(self) -> Path:
        """What libraries keep to start faster."""
        return self._folder("cache")

    @property
    def models(self) -> Path:
        """Models that were trained here."""
        return self._folder("models")

    @property
    def run(self) -> Path:
        """Records of running processes."""
        return self._folder("run")

    @property
    def secrets(self) -> Path:
        """What nobody else may read, a file each; keys of providers are looked for here with every call."""
        return self._folder("secrets")

    @property
    def counts(self) -> Path:
        """What the running processes have counted for Prometheus."""
        return _private_folder(self.run / "counts", passable=False)

    def secret(self, name: str) -> str:
        """Return the named secret, generated and stored as a 0600 file at its first use."""
        path = self.secrets / name
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii").strip()

    def keep_secret(self, name: str, text: str) -> None:
        """Store a secret as a 0600 file in place of the one of that name."""
        path = self.secrets / name
        draft = _private_draft(path, text)
        draft.replace(path)

    def forget_secret(self, name: str) -> bool:
        """Remove a kept secret; return whether there was one."""
        path = self.secrets / name
        existed = path.exists()
        path.unlink(missing_ok=True)
        return existed

    def _folder(self, name: str, *, passable: bool = False) -> Path:
        return _private_folder(self.root / name, passable=passable)


def open_state(environment: Mapping[str, str]) -> StateFolder:
    """Create the state folder if needed and return it.

    Raises `StateFolderUnusable` when the path is relative, is not a folder or cannot be written.
    """
    root = _root_path(environment)
    if not root.is_absolute():
        raise StateFolderUnusable(f"BELLWETHER_HOME is {str(root)!r} and must be an absolute path.")
    try:
        existed = root.is_dir()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not existed:
            root.chmod(0o700)
        if os.geteuid() == 0:
            root.chmod(root.stat().st_mode | 0o111)
        (root / ".writable").touch()
        (root / ".writable").unlink()
    except OSError as error:
        raise _unusable(root, error) from error
    return StateFolder(root=root)


def _root_path(environment: Mapping[str, str]) -> Path:
    if chosen := environment.get("BELLWETHER_HOME"):
        return Path(chosen)
    if os.geteuid() == 0:
        return ROOT_DEFAULT
    state_home = environment.get("XDG_STATE_HOME")
    return (Path(state_home) if state_home else Path.home() / ".local" / "state") / "bellwether"


def _private_folder(path: Path, *, passable: bool) -> Path:
    mode = 0o711 if passable and os.geteuid() == 0 else 0o700
    try:
        path.mkdir(exist_ok=True)
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
    except OSError as error:
        raise _unusable(path, error) from error
    return path


def _unusable(path: Path, error: OSError) -> StateFolderUnusable:
    reason = (error.strerror or str(error)).lower()
    return StateFolderUnusable(
        f"The state folder {path} cannot be used ({reason}): set BELLWETHER_HOME to a folder you may write."
    )


def _write_once(path: Path, text: str) -> None:
    """Create the file whole and 0600; when two commands do it at once, the first one's text stays."""
    draft = _private_draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _private_draft(path: Path, text: str) -> Path:
    """Write the text beside `path`, readable by its owner only, and return where."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
    return draft
