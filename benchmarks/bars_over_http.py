"""Serves 500 daily bars over HTTP, as rows and as columns, beside a Django REST framework serializer.

All are views of one gunicorn with one middleware stack on one database; each asks for the same sessions with
the same token, and they must agree before they are timed. Beside the rate stands the processor time that the
web processes took for each request, which a busy machine disturbs less. Prints a Markdown table. Run as
`python benchmarks/bars_over_http.py`, on Linux.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

SYMBOL, BARS, FIRST = "AAPL", 500, "2010-01-04"
WORKERS, CLIENTS, ROUNDS, ROUND_SECONDS = 2, 4, 5, 2.0
PRICES = ("open", "high", "low", "close")
_ASKED = f"/api/v1/bars/?symbol={SYMBOL}&start={FIRST}&limit={BARS}"
VARIANTS = {
    "DRF ModelSerializer": "/rival/",
    "rows, raw": _ASKED,
    "rows, split": f"{_ASKED}&basis=split",
    "columns, raw": f"{_ASKED}&shape=columns",
    "columns, split": f"{_ASKED}&shape=columns&basis=split",
    "columns, total return": f"{_ASKED}&shape=columns&basis=total_return",
    "columns, not modified": f"{_ASKED}&shape=columns",
}
type Rows = list[tuple[str, list[float]]]


def served() -> Any:
    """Return the embedded system's application with the rival beside its own addresses, for gunicorn."""
    from deploy.local.wsgi import application  # isort: skip  # loads Django, which all below needs
    from django.urls import path
    from rest_framework import serializers
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from deploy.local import urls
    from services.ingest.market.models import Bar

    class BarSerializer(serializers.ModelSerializer[Bar]):
        class Meta:
            model = Bar
            fields = ("session", *PRICES, "volume")

    class Rival(APIView):
        schema = None

        def get(self, request: Any) -> Response:
            rows = Bar.objects.using("ingest").filter(symbol=SYMBOL, session__gte=FIRST).order_by("session")
            return Response(BarSerializer(rows[:BARS], many=True).data)

    urls.urlpatterns.insert(0, path("rival/", Rival.as_view()))
    return application


class Connection:
    """One kept-alive connection that sends the token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._connection.connect()
        self._headers = {"Authorization": f"Token {token}"}

    def get(self, path: str, **more: str) -> tuple[int, str | None, bytes]:
        """Return status, ETag and body."""
        self._connection.request("GET", path, headers={**self._headers, **more})
        answer = self._connection.getresponse()
        return answer.status, answer.headers["ETag"], answer.read()


def rows_of(body: bytes) -> Rows:
    """Return session and prices of each bar, whatever the shape."""
    found = json.loads(body)
    results = found if isinstance(found, list) else found["results"]
    if isinstance(results, dict):
        prices = zip(*(results[name] for name in PRICES), strict=True)
        return [(day, list(row)) for day, row in zip(results["session"], prices, strict=True)]
    return [(row["session"], [float(row[name]) for name in PRICES]) for row in results]


def processor_seconds(server: int) -> float:
    """Return the processor time that the server's workers have taken."""
    spent = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended at this very moment
            fields = stat.read_text().rpartition(")")[2].split()
            spent += int(fields[11]) + int(fields[12]) if int(fields[1]) == server else 0
    return spent / os.sysconf("SC_CLK_TCK")


def measure(port: int, token: str, name: str, etag: str) -> list[float]:
    """Return how many seconds each request of one round took."""
    path = VARIANTS[name]
    more = {"If-None-Match": etag} if name.endswith("not modified") else {}
    expected = 304 if more else 200
    taken: list[float] = []
    deadline = time.perf_counter() + ROUND_SECONDS

    def ask() -> None:
        connection = Connection(port, token)
        while (began := time.perf_counter()) < deadline:
            status, _, _ = connection.get(path, **more)
            taken.append(time.perf_counter() - began)
            if status != expected:
                raise SystemExit(f"{path} answered {status}")

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return taken


def stored_prices_and_token() -> str:
    """Import the bundled prices and return an API token. Django must be loaded."""
    from uuid import uuid4

    from django.utils import timezone

    from services.ingest.fetches.services import request_fetch
    from services.tests.pipeline import drain_everything
    from shared.identity.tokens import create_token
    from shared.observability.correlation import Cause, caused_by

    asked = {"symbol": SYMBOL, "provider": "bundled", "start": None, "end": None}
    with caused_by(Cause(uuid4())):
        request_fetch(fetch_id=uuid4(), now=timezone.now(), **asked)
        drain_everything(("ingest",))
        return create_token(username="benchmark", secret=os.urandom(32))


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Give the port of a gunicorn that serves both, and its process id."""
    from shared.http.waiting import THREADS

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "bars_over_http:served()", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--log-level", "error"]
    command += ["--no-control-socket"]
    path = f"{Path(__file__).parent}{os.pathsep}{environment['PYTHONPATH']}"
    server = subprocess.Popen(command, env={**environment, "PYTHONPATH": path})
    try:
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(30)


def connected(port: int, token: str) -> Connection:
    """Return a connection to the server once it listens."""
    for _ in range(300):
        try:
            return Connection(port, token)
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("The server did not start.")


def compare(port: int, server: int, token: str) -> None:
    """Check that all agree, time them in turn, and print the table."""
    connection = connected(port, token)
    answers = {name: connection.get(path) for name, path in VARIANTS.items()}
    agreed = [rows_of(answers[name][2]) for name in ("DRF ModelSerializer", "rows, raw", "columns, raw")]
    assert len(agreed[0]) == BARS
    assert agreed[0] == agreed[1] == agreed[2]
    etag = answers["columns, not modified"][1] or ""
    rounds: dict[str, list[list[float]]] = {name: [] for name in VARIANTS}
    spent = dict.fromkeys(VARIANTS, 0.0)
    for _ in range(ROUNDS):
        for name, taken in rounds.items():
            before = processor_seconds(server)
            taken.append(measure(port, token, name, etag))
            spent[name] += processor_seconds(server) - before
    rate = {
        name: statistics.median(len(one) / ROUND_SECONDS for one in taken) for name, taken in rounds.items()
    }
    rival = rate["DRF ModelSerializer"]
    print("| 500 bars as | requests/s | times DRF | median ms | p99 ms | processor ms | bytes |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, taken in rounds.items():
        every = [1000 * one for round_ in taken for one in round_]
        size = 0 if name.endswith("not modified") else len(answers[name][2])
        p99 = statistics.quantiles(every, n=100)[98]
        print(
            f"| {name} | {rate[name]:,.0f} | {rate[name] / rival:.1f} | {statistics.median(every):.1f}"
            f" | {p99:.1f} | {1000 * spent[name] / len(every):.1f} | {size:,} |"
        )


def main() -> None:
    """Set up a system of its own, and compare."""
    checkout = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(checkout))
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"BELLWETHER_HOME": home, "API_RATE_LIMIT": "0", "LOG_LEVEL": "ERROR"}
        from deploy.local.system import open_system

        with open_system() as system:
            token = stored_prices_and_token()
            with serving(system.environment) as (port, server):
                compare(port, server, token)


if __name__ == "__main__":
    main()
