"""`up` and `down`: the system that stays."""

import os
import sys
from collections.abc import Callable
from typing import Any

from deploy.local import output, postgres
from deploy.local.processes import (
    ProcessSpec,
    Supervisor,
    require_not_running,
    running_record,
    start_detached,
    take_down,
)
from deploy.local.readiness import require_free_port
from deploy.local.state import open_state
from deploy.local.system import open_system, web_spec, worker_spec
from shared.settings.env import read


def run_system(started: Callable[[dict[str, Any]], None]) -> None:
    """Start everything, call `started`, and stay until interrupted.

    Raises AlreadyRunning, PortTaken, StateFolderUnusable, WrongSetting and ProcessFailed.
    """
    values = read(os.environ)
    url = f"http://127.0.0.1:{values['BELLWETHER_PORT']}"
    require_not_running(open_state(os.environ))
    require_free_port("127.0.0.1", values["BELLWETHER_PORT"])
    with open_system() as system, Supervisor(state=system.state, url=url) as supervisor:
        supervisor.spawn(worker_spec(system))
        supervisor.spawn(web_spec(system, port=values["BELLWETHER_PORT"], workers=values["WEB_WORKERS"]))
        supervisor.wait_until_ready()
        started(_started(url, system.state.root))
        supervisor.run_until_stopped(report=lambda line: output.progress.print(line, markup=False))
        output.progress.print("Stopping ...")
    output.progress.print("Stopped.")


def run_detached() -> dict[str, Any]:
    """Start everything in the background and return once `/readyz` answers 200."""
    values = read(os.environ)
    url = f"http://127.0.0.1:{values['BELLWETHER_PORT']}"
    state = open_state(os.environ)
    spec = ProcessSpec(
        name="up", command=(sys.executable, "-m", "deploy.local.cli", "up"), environment=os.environ
    )
    start_detached(spec=spec, state=state, url=url)
    return _started(url, state.root)


def down_system() -> dict[str, Any]:
    """Stop what `up` started; return the names of what was stopped."""
    state = open_state(os.environ)
    was_running = running_record(state) is not None
    stopped = take_down(state)
    postgres.stop_unused(state=state)
    return {"was_running": was_running, "stopped": stopped}


def _started(url: str, home: Any) -> dict[str, Any]:
    return {"url": url, "schema": f"{url}/api/schema/", "home": str(home), "logs": f"{home}/logs"}
