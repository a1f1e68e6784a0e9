"""Where `up` listens, where this machine reaches it, and by which names others do."""

import socket
from ipaddress import ip_address

# Nothing is sent there (RFC 5737 and 3849 keep them for documentation): the kernel only picks the way out.
_FAR_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def bracketed(host: str) -> str:
    """Return a host as it stands in URLs and Host headers."""
    return f"[{host}]" if ":" in host else host


def host_here(bind: str) -> str:
    """Return the host by which this machine reaches what listens on `bind`."""
    address = ip_address(bind)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return bracketed(bind)


def url_here(*, bind: str, port: int) -> str:
    """Return the URL by which this machine reaches what listens on `bind`."""
    return f"http://{host_here(bind)}:{port}"


def hosts_of(bind: str) -> tuple[str, ...]:
    """Return the names by which others reach `bind`: itself, or all that this machine has."""
    if not ip_address(bind).is_unspecified:
        return (bracketed(bind),)
    return (*map(bracketed, _addresses()), socket.gethostname().lower())


def _addresses() -> list[str]:
    found = []
    for family, far_away in _FAR_AWAY:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far_away, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # this machine has no way out in that family
    return found
