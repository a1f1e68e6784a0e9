"""`up` and `down`: the system that stays."""

import os
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings

from deploy.local import output, postgres
from deploy.local.addresses import hosts_of, url_here
from deploy.local.first_run import first_superuser, make_first_account
from deploy.local.processes import (
    ProcessSpec,
    Supervisor,
    require_not_running,
    running_record,
    start_detached,
    take_down,
)
from deploy.local.readiness import require_free_port
from deploy.local.state import StateFolder, open_state
from deploy.local.system import forget_counts, open_system, web_spec, worker_spec
from shared.settings.env import read


def run_system(started: Callable[[dict[str, Any]], None], *, makes_account: bool = True) -> None:
    """Start everything, call `started`, and stay until interrupted.

    Raises AlreadyRunning, PortTaken, StateFolderUnusable, WrongSetting and ProcessFailed.
    """
    values = read(os.environ)
    bind, port = values["BELLWETHER_BIND"], values["BELLWETHER_PORT"]
    require_not_running(open_state(os.environ))
    require_free_port(bind, port)
    with (
        open_system() as system,
        Supervisor(state=system.state, url=url_here(bind=bind, port=port)) as supervisor,
    ):
        forget_counts(system.state)
        supervisor.spawn(worker_spec(system))
        supervisor.spawn(web_spec(system, bind=bind, port=port, workers=values["WEB_WORKERS"]))
        supervisor.wait_until_ready()
        account = make_first_account() if makes_account else None
        started(_started(values, system.state, account))
        supervisor.run_until_stopped(report=lambda line: output.progress.print(line, markup=False))
        output.progress.print("Stopping ...")
    output.progress.print("Stopped.")


def run_detached() -> dict[str, Any]:
    """Start everything in the background and return once `/readyz` answers 200."""
    values = read(os.environ)
    bind, port = values["BELLWETHER_BIND"], values["BELLWETHER_PORT"]
    state = open_state(os.environ)
    spec = ProcessSpec(
        name="up",
        # The password of the first account belongs on the terminal, and so not into that process's log.
        command=(sys.executable, "-m", "deploy.local.cli", "up", "--without-account"),
        environment=os.environ,
    )
    start_detached(spec=spec, state=state, url=url_here(bind=bind, port=port))
    with open_system():
        return _started(values, state, make_first_account())


def down_system() -> dict[str, Any]:
    """Stop what `up` started; return the names of what was stopped."""
    state = open_state(os.environ)
    was_running = running_record(state) is not None
    stopped = take_down(state)
    postgres.stop_unused(state=state)
    return {"was_running": was_running, "stopped": stopped}


def _started(values: dict[str, Any], state: StateFolder, account: dict[str, str] | None) -> dict[str, Any]:
    bind, port = values["BELLWETHER_BIND"], values["BELLWETHER_PORT"]
    url = url_here(bind=bind, port=port)
    elsewhere = [f"http://{host}:{port}" for host in hosts_of(bind)]
    return {
        "url": url,
        "elsewhere": [other for other in elsewhere if other != url],
        "docs": f"{url}/api/docs/",
        "schema": f"{url}/api/schema/",
        **({"admin": f"{url}/admin/"} if settings.BELLWETHER["ADMIN_ENABLED"] else {}),
        "home": str(state.root),
        "logs": f"{state.root}/logs",
        "superuser": first_superuser(),
        **({"account": account} if account else {}),
    }
