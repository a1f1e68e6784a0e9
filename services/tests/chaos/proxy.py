"""A TCP proxy that makes a bad network of a good one: toxics in the manner of Shopify's toxiproxy."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

type Address = tuple[str, int] | Path

CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """What is done to both directions of every connection; nothing by default.

    Each chunk waits `latency_seconds`, more or less by up to `jitter_seconds`; at most `bytes_a_second` pass, in
    slices of `slice_bytes`. Once `cut_after_bytes` have passed the connection is cut. With `swallow` nothing
    passes any more and nobody is told.
    """

    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_a_second: int = 0
    slice_bytes: int = CHUNK_BYTES
    cut_after_bytes: int = 0
    swallow: bool = False


class Proxy:
    """Listens on a port of loopback and passes everything on to `target`, through the toxic in force."""

    def __init__(self, target: Address, *, seed: int = 0) -> None:
        self._target, self._toxic, self._random = target, Toxic(), Random(seed)
        self._lines: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.carried_bytes = 0
        self._start(self._accept)

    def poison(self, toxic: Toxic) -> None:
        """Put a toxic in force, for the connections there are as well."""
        self._toxic = toxic

    def heal(self) -> None:
        """Let everything pass again; what was swallowed stays lost with its connection."""
        was, self._toxic = self._toxic, Toxic()
        if was.swallow:
            self.reset()

    def reset(self) -> None:
        """Cut every connection."""
        for line in list(self._lines):
            _cut(line)

    def close(self) -> None:
        """Stop for good."""
        _cut(self._listener)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._start(self._carry, line)

    def _carry(self, line: socket.socket) -> None:
        with suppress(OSError), line, _connect(self._target) as onward:
            self._lines |= {line, onward}
            back = self._start(self._pump, onward, line)
            self._pump(line, onward)
            back.join()
            self._lines -= {line, onward}

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        left = 0
        try:
            while chunk := source.recv(CHUNK_BYTES):
                toxic = self._toxic
                left = left or toxic.cut_after_bytes
                self._pass_on(chunk, sink, toxic)
                self.carried_bytes += len(chunk)
                if left and (left := left - len(chunk)) <= 0:
                    break
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass
        _cut(source)
        _cut(sink)

    def _pass_on(self, chunk: bytes, sink: socket.socket, toxic: Toxic) -> None:
        if toxic.swallow:
            return
        self._wait(toxic.latency_seconds + self._random.uniform(-1, 1) * toxic.jitter_seconds)
        for start in range(0, len(chunk), toxic.slice_bytes):
            part = chunk[start : start + toxic.slice_bytes]
            if toxic.bytes_a_second:
                self._wait(len(part) / toxic.bytes_a_second)
            sink.sendall(part)

    @staticmethod
    def _wait(seconds: float) -> None:
        if seconds > 0:
            threading.Event().wait(seconds)

    @staticmethod
    def _start(target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread


def _connect(target: Address) -> socket.socket:
    if not isinstance(target, Path):
        return socket.create_connection(target, timeout=None)
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(target))
    return line


def _cut(line: socket.socket) -> None:
    """End both directions at once; whoever waits on the socket wakes up."""
    with suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.shutdown(socket.SHUT_RDWR)
