"""A web server under test, and those who call it."""

from contextlib import suppress

import requests

from deploy.local.readiness import free_ports
from services.tests.chaos.stage import Stage
from services.tests.processes import wait_until


def web(stage: Stage, *, service: str | None = None, **settings: str) -> str:
    """Start a web server and return its URL once it answers."""
    (port,) = free_ports(1)
    stage.start_web(port, service=service, **settings)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answer(f"{url}/readyz") == 200, saying="a web server")
    return url


def answer(url: str) -> int:
    """Return the status of the answer, 0 while there is none."""
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=30).status_code
    return 0


def ask_for_prices(url: str, token: str, *, key: str | None = None) -> requests.Response:
    """Ask for the bundled prices of FB."""
    return requests.post(
        f"{url}/api/v1/fetches/",
        json={"symbol": "FB", "provider": "bundled"},
        headers={"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})},
        timeout=30,
    )
