import socket

import pytest

from deploy.local.addresses import hosts_of, url_here
from deploy.local.errors import PortTaken
from deploy.local.readiness import free_ports, require_free_port


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("2001:db8::5", "http://[2001:db8::5]:8000"),
    ],
)
def test_this_machine_reaches_every_address_by_a_url(bind: str, url: str) -> None:
    assert url_here(bind=bind, port=8000) == url


def test_one_address_has_one_name_and_all_addresses_have_the_machines() -> None:
    assert hosts_of("192.0.2.7") == ("192.0.2.7",)
    assert hosts_of("2001:db8::5") == ("[2001:db8::5]",)
    assert socket.gethostname().lower() in hosts_of("0.0.0.0")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_noticed_in_both_families(host: str) -> None:
    port = free_ports(1)[0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError:
        pytest.skip("this machine has no such address")
    with listener, pytest.raises(PortTaken, match="taken by another program"):
        require_free_port(host, port)

    require_free_port(host, port)
