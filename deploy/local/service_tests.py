"""Hold each service to what it alone installs: it boots with its extra only, and passes its own tests.

`python -m deploy.local.service_tests [SERVICE...]` is what `make test-services` calls. Each service has an
environment of its own beside the checkout's, which `bootstrap.sh` keeps up to date from the lock file.
"""

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.errors import LauncherError
from deploy.local.signals import stop_signals_interrupt
from deploy.local.testing import CHECKOUT, INTERRUPTED, servers
from shared.settings.databases import SERVICES

# Answers a request on the service's own settings; no database is asked.
_BOOT = """
import sys
from importlib.metadata import distributions
from services.{service}.wsgi import application
from django.core.management import call_command
from django.test import Client

call_command("check")
assert Client(headers={{"host": "localhost"}}).get("/livez").status_code == 200
installed = {{item.name.lower() for item in distributions()}}
others = sorted(installed & set(sys.argv[1:]))
sys.exit(f"installed, though only other services need it: {{', '.join(others)}}" if others else None)
"""
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def main(services: Sequence[str]) -> int:
    """Check each service in turn, all of them by default; return 1 when one fails."""
    unknown = sorted(set(services) - set(SERVICES))
    if unknown:
        print(f"make test-services: there is no service {', '.join(unknown)}.", file=sys.stderr)
        return 2
    with stop_signals_interrupt():
        try:
            with servers(with_broker=False) as running:
                passed = [_passes(service, running.environment) for service in services or SERVICES]
        except LauncherError as error:
            print(f"make test-services: FAILED. {error.detail}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0 if all(passed) else 1


def _passes(service: str, environment: Mapping[str, str]) -> bool:
    """Boot the service on its extra, then add the test tools and run its tests; say how it went."""
    started_at = time.monotonic()
    venv = Path(f"{os.environ.get('UV_PROJECT_ENVIRONMENT', CHECKOUT / '.venv')}-{service}")
    python = str(venv / "bin/python")
    only = ("--no-default-groups", "--extra", service)
    secret = {"SECRET_KEY": "only-for-tests-" + "0" * 32}
    alone = {
        **environment,
        **secret,
        "DJANGO_SETTINGS_MODULE": f"services.{service}.settings",
        "DATABASE_URL": environment["BELLWETHER_TEST_DATABASE_URL"],
    }
    tests = ("-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", f"services/{service}")
    passed = (
        _run("deploy/local/bootstrap.sh", *only, environment=_syncing(venv))
        and _run(python, "-c", _BOOT.format(service=service), *_foreign(service), environment=alone)
        and _run("deploy/local/bootstrap.sh", *only, "--group", "dev", environment=_syncing(venv))
        and _run(python, *tests, environment=environment)
    )
    outcome = "passed with its own extra only" if passed else "FAILED"
    print(f"make test-services: {service} {outcome}, in {time.monotonic() - started_at:.0f} s.", flush=True)
    return passed


def _foreign(service: str) -> list[str]:
    """Return the libraries of every other extra."""
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {
        extra: {_REQUIREMENT.match(item)[0].lower() for item in items}  # type: ignore[index]
        for extra, items in extras.items()
    }
    return sorted(set().union(*names.values()) - names[service] - names["postgres"])


def _syncing(venv: Path) -> dict[str, str]:
    return {**os.environ, "UV_PROJECT_ENVIRONMENT": str(venv)}


def _run(*command: str, environment: Mapping[str, str]) -> bool:
    return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
