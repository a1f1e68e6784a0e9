"""The embedded system as `make up` runs it, on a test's database and a private port."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.processes import Supervisor
from deploy.local.readiness import free_ports
from deploy.local.state import open_state
from deploy.local.system import System, web_spec, worker_spec

# No caller is slowed down here, and only what goes wrong is logged.
_SETTINGS = {"API_RATE_LIMIT": "0", "LOG_LEVEL": "WARNING", "JOB_LEASE_SECONDS": "15"}


@contextmanager
def live_system(folder: Path) -> Iterator[str]:
    """Run gunicorn and a worker until the block ends; give the address they answer at."""
    state = open_state({"BELLWETHER_HOME": str(folder)})
    system = System(state=state, environment={**os.environ, **_SETTINGS})
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with Supervisor(state=state, url=url) as supervisor:
        supervisor.spawn(web_spec(system, bind="127.0.0.1", port=port, workers=2))
        supervisor.spawn(worker_spec(system))
        supervisor.wait_until_ready()
        yield url
