import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import PortTaken
from deploy.local.readiness import PRIVATE_PORTS, answers_ready, free_ports, require_free_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_in_one_sentence(taken_port: int) -> None:
    with pytest.raises(PortTaken) as raised:
        require_free_port("127.0.0.1", taken_port)

    assert raised.value.detail == (
        f"Port {taken_port} on 127.0.0.1 is taken by another program: set BELLWETHER_PORT to another one."
    )


def test_free_ports_are_distinct_and_can_be_listened_on() -> None:
    ports = free_ports(3)

    assert len(set(ports)) == 3
    for port in ports:
        assert port in PRIVATE_PORTS
        require_free_port("127.0.0.1", port)


def test_nobody_listening_is_not_ready() -> None:
    assert not answers_ready(f"http://127.0.0.1:{free_ports(1)[0]}")
