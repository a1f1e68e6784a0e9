"""Ports and readiness, asked of the kernel and of the server itself."""

import errno
import http.client
import random
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

from deploy.local.errors import PortTaken

# Below the range from which the kernel hands out ports to outgoing connections (32768 and up).
PRIVATE_PORTS = range(20_000, 32_000)


def require_free_port(host: str, port: int) -> None:
    """Raise `PortTaken` unless we could listen there now."""
    try:
        _bound(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "is taken by another program"
        else:
            reason = f"cannot be used ({(error.strerror or str(error)).lower()})"
        raise PortTaken(f"Port {port} on {host} {reason}: set BELLWETHER_PORT to another one.") from error


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface on which nobody listens at this moment."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(PRIVATE_PORTS, k=len(PRIVATE_PORTS)):
            try:
                held.enter_context(_bound("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise PortTaken(
        f"No {count} free ports between {PRIVATE_PORTS.start} and {PRIVATE_PORTS.stop} on 127.0.0.1."
    )


def answers_ready(url: str) -> bool:
    """Return whether `/readyz` below this URL answers 200; no proxy is asked."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
