"""How often a password may be tried, decided in PostgreSQL before any is hashed.

Note [Exact limits]: a try is counted before its outcome is known, in a transaction of its own that holds the
address's lock. So of any number of tries at once no more get through than the limits say, whichever process
they reach. A try that is refused is not counted, so nobody is locked out for longer than a minute.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.db import connections, transaction

from shared.errors import BellwetherError
from shared.identity.hashers import HasherBusy
from shared.identity.models import LoginAttempt
from shared.identity.usernames import folded

PER_ACCOUNT, PER_ADDRESS = 5, 20
_LOCK = 6_011_956

# Seconds until the oldest of as many tries as are permitted is a minute old; null when there are fewer.
_WAIT = """
WITH recent AS (
    SELECT account, tried_at FROM login_attempt
    WHERE address = %(address)s AND tried_at > statement_timestamp() - interval '1 minute'
)
SELECT ceil(extract(epoch FROM greatest(
    (SELECT tried_at FROM recent WHERE account = %(account)s
     ORDER BY tried_at DESC LIMIT 1 OFFSET %(per_account)s - 1),
    (SELECT tried_at FROM recent ORDER BY tried_at DESC LIMIT 1 OFFSET %(per_address)s - 1)
) + interval '1 minute' - statement_timestamp()))::int
"""
_COUNT = """
INSERT INTO login_attempt (account, address, tried_at)
VALUES (%(account)s, %(address)s, statement_timestamp()) RETURNING id
"""
# A few of the old ones with each new one, and none that another transaction is at.
_FORGET_OLD = """
DELETE FROM login_attempt WHERE id IN (
    SELECT id FROM login_attempt WHERE tried_at < statement_timestamp() - interval '1 minute'
    ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""


class TooManyAttempts(BellwetherError):
    """Raised when passwords are tried more than 5 times a minute on one account or 20 times from one address."""

    status, slug, title = 429, "too-many-attempts", "Too many attempts"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(f"Too many attempts; the next one is free in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


@contextmanager
def counted(*, username: str, address: str) -> Iterator[None]:
    """Count one try to give an account's password, around what hashes it; the account need not exist.

    A block that ends well forgets the account's tries. Raises TooManyAttempts before the block runs.
    """
    account, place = hashlib.sha256(folded(username).encode()).digest(), _place(address)
    attempt_id = _count(account, place)
    mine = LoginAttempt.objects.using("identity").filter(address=place)
    try:
        yield
    except HasherBusy:  # nothing was tried
        mine.filter(id=attempt_id).delete()
        raise
    mine.filter(account=account).update(account=None)


def _count(account: bytes, address: str) -> int:
    values: dict[str, bytes | str | int] = {
        "account": account,
        "address": address,
        "per_account": PER_ACCOUNT,
        "per_address": PER_ADDRESS,
    }
    with transaction.atomic(using="identity", durable=True), connections["identity"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [address, _LOCK])
        cursor.execute(_WAIT, values)
        (seconds,) = cursor.fetchone()
        if seconds is not None:
            raise TooManyAttempts(retry_after_seconds=seconds)
        cursor.execute(_COUNT, values)
        (attempt_id,) = cursor.fetchone()
        cursor.execute(_FORGET_OLD)
    return int(attempt_id)


def _place(address: str) -> str:
    """Return what is counted as one place: a caller has one IPv4 address, but 2**64 of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))
    return str(found)
