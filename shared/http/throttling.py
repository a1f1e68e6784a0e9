"""Who calls, and how often: counted in PostgreSQL, so that all processes of a service know."""

import math
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db import connections

WINDOW_SECONDS = 60
# The table is not logged, so its commits wait for no disk. A slow statement of the last minute counts into
# this one and does not turn it back.
_COUNT = """
INSERT INTO rate_window AS seen (caller, minute, count)
VALUES (%s, floor(extract(epoch FROM now()) / 60), 1)
ON CONFLICT (caller) DO UPDATE SET
    count = CASE WHEN EXCLUDED.minute > seen.minute THEN 1 ELSE seen.count + 1 END,
    minute = greatest(seen.minute, EXCLUDED.minute)
RETURNING count, minute, extract(epoch FROM now())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a caller has used up of its requests in this minute."""

    limit: int
    used: int
    resets_at: int  # in seconds since the epoch
    seconds_left: int

    @property
    def is_over(self) -> bool:
        """Return whether this request is one too many."""
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """Return what callers are told of it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": str(self.resets_at),
        }


def count_request(service: str, caller: str, *, limit: int) -> Usage:
    """Count one request of a caller, by the database's clock."""
    with connections[service].cursor() as cursor:
        cursor.execute(_COUNT, [caller])
        used, minute, now = cursor.fetchone()
    resets_at = (minute + 1) * WINDOW_SECONDS
    left = max(1, math.ceil(resets_at - now))
    return Usage(limit=limit, used=used, resets_at=resets_at, seconds_left=left)


def caller_of(request: Any) -> str:
    """Return the word by which limits and keys know the caller of a request: its user, else its address."""
    if request.user is not None and request.user.is_authenticated:
        return f"user:{request.user.public_id}"
    return f"address:{client_address(request)}"


def client_address(request: Any) -> str:
    """Return the address a request comes from.

    With TRUSTED_PROXIES = n that is the n-th entry of `X-Forwarded-For` from the right: the one that the
    outermost of our own proxies saw. Whatever stands further left is the caller's word, and not believed.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    trusted: int = settings.BELLWETHER["TRUSTED_PROXIES"]
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if trusted == 0 or len(hops) < trusted:
        return peer
    try:
        return str(ip_address(hops[-trusted].strip(" \t")))
    except ValueError:
        return peer
