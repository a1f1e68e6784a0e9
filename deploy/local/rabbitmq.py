"""A private RabbitMQ for as long as it is needed: own node, cookie, port mapper and ports, all on loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local.errors import BrokerUnavailable
from deploy.local.processes import last_lines
from deploy.local.rabbitmq_packages import programs_for
from deploy.local.readiness import free_ports
from deploy.local.signals import stop_signals_ignored
from deploy.local.state import StateFolder

START_TIMEOUT_SECONDS = 90.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.1
_AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"


@dataclass(slots=True, kw_only=True)
class Broker:
    """A broker that boots in the background: wait for it before use, close it (or leave its `with` block) after."""

    url: str
    version: str | None = None
    port: int = 0
    log: Path | None = None
    _server: subprocess.Popen[bytes] | None = None
    _port_mapper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        """Return once the broker answers AMQP; a broker given by BROKER_URL is taken at its word."""
        if self._server is None or self.log is None:
            return
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not _answers_amqp(self.port):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"RabbitMQ {self.version} did not start; the end of {self.log} says: {last_lines(self.log)}"
                )
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Stop what was started; a broker given by BROKER_URL is not ours to stop."""
        with stop_signals_ignored():
            for process in (self._server, self._port_mapper):
                if process is not None:
                    _stop(process)
        self._server = self._port_mapper = None


def start(*, state: StateFolder, environment: Mapping[str, str], folder: Path) -> Broker:
    """Return a broker that is booting with all its data in `folder`, or the one that BROKER_URL names.

    Raises `BrokerUnavailable` when there is no RabbitMQ and it cannot be downloaded.
    """
    if given := environment.get("BROKER_URL"):
        return Broker(url=given)
    programs = programs_for(state)
    port, distribution_port, port_mapper_port = free_ports(3)
    _write_configuration(folder, port)
    settings = programs.environment() | _settings(folder, port, distribution_port, port_mapper_port)
    log = folder / "rabbitmq.log"
    # Started here, the port mapper is our child and ends with us; the server would leave its own behind.
    port_mapper = _launch([str(programs.epmd), "-port", str(port_mapper_port)], settings, log)
    return Broker(
        url=f"amqp://guest:guest@127.0.0.1:{port}/%2F",
        version=programs.version,
        port=port,
        log=log,
        _server=_launch([str(programs.server)], settings, log),
        _port_mapper=port_mapper,
    )


def _write_configuration(folder: Path, port: int) -> None:
    (folder / "home").mkdir(parents=True)
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\n"
        "vm_memory_high_watermark.absolute = 512MiB\n"
        "disk_free_limit.absolute = 256MiB\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")


def _settings(folder: Path, port: int, distribution_port: int, port_mapper_port: int) -> dict[str, str]:
    return {
        "HOME": f"{folder}/home",  # Erlang keeps its cookie there
        "LC_ALL": "C.UTF-8",
        "RABBITMQ_NODENAME": f"bellwether{port}@localhost",
        "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
        "RABBITMQ_LOG_BASE": f"{folder}/log",
        "RABBITMQ_PID_FILE": f"{folder}/pid",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "ERL_EPMD_PORT": str(port_mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
        "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 2:2 -start_epmd false"
        ),
    }


def _launch(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _answers_amqp(port: int) -> bool:
    """Return whether the broker answers the protocol's first eight bytes with a method frame."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(_AMQP_0_9_1)
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group: the server's script passes SIGTERM on to Erlang, which shuts down in order."""
    process.terminate()
    try:
        process.wait(timeout=STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
