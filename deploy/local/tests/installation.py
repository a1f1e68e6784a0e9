"""One installation as somebody has it who tries Bellwether out: its own folder, PostgreSQL and processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.local.checkout import CHECKOUT
from deploy.local.readiness import free_ports
from shared.settings.table import VARIABLES

NOT_INHERITED = {name for variable in VARIABLES for name in variable.names} | {"DJANGO_SETTINGS_MODULE"}


class Installation:
    """One state folder, and the commands run on it."""

    first_account: dict[str, str]
    program = (sys.executable, "-m", "deploy.local.cli")

    def __init__(self, home: Path) -> None:
        self.port = free_ports(1)[0]
        self.environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environment |= {"BELLWETHER_HOME": str(home / "state"), "BELLWETHER_PORT": str(self.port)}
        self.environment["BELLWETHER_DOTENV"] = os.devnull
        self.home = home

    def run(self, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `bellwether`."""
        return self.started([*self.program, *words], code, environment)

    def manage(
        self, *words: str, code: int = 0, input: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the root `manage.py`."""
        return self.started([sys.executable, "manage.py", *words], code, environment, input)

    def started(
        self, command: list[str], code: int, environment: dict[str, str], input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            input=input,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    def problem(self, *words: str, **environment: str) -> dict[str, Any]:
        done = self.run(*words, "--json", code=1, **environment)
        found: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
        return found


@contextmanager
def installed() -> Iterator[Installation]:
    """Give an installation in a folder of its own, and stop and remove what is left of it."""
    with TemporaryDirectory(prefix="bellwether-test-") as folder:
        home = Path(folder)
        home.chmod(0o711)  # as root, PostgreSQL's own account must pass through
        found = Installation(home)
        try:
            yield found
        finally:
            found.run("down")
