"""Opaque API tokens: made here, checked by one database function that every service may call."""

import base64
import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from django.db import connections, transaction

from shared.errors import BellwetherError
from shared.identity.models import Token, User

TOKEN_BYTES = 32
PREFIX = "bw_"
USERNAME = re.compile(r"[\w.@+-]+")


class InvalidUsername(BellwetherError):
    """Raised for a user name that is empty or has characters other than letters, digits and @ . + - _"""

    status, slug, title = 400, "invalid-username", "The user name is not valid"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, as DRF's `request.user`."""

    public_id: UUID
    username: str
    is_superuser: bool
    is_authenticated: bool = True

    @property
    def pk(self) -> UUID:
        """Return what identifies the caller, for throttles and logs."""
        return self.public_id


def create_token(*, username: str, secret: bytes) -> str:
    """Create a token for a user, and the user when there is none yet; return its text, which is shown once.

    `secret` holds 32 random bytes. Raises InvalidUsername.
    """
    if len(secret) != TOKEN_BYTES:
        raise ValueError(f"a token needs {TOKEN_BYTES} random bytes")
    if len(username) > 150 or not USERNAME.fullmatch(username):
        raise InvalidUsername(f"{username[:160]!r}: use letters, digits and @ . + - _, at most 150 of them.")
    with transaction.atomic(using="identity", durable=True):
        user, created = User.objects.using("identity").get_or_create(username=username)
        if created:
            user.set_unusable_password()
            user.save(using="identity", update_fields=["password"])
        Token.objects.using("identity").create(user=user, digest=hashlib.sha256(secret).digest())
    return PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def check_token(text: str, *, alias: str) -> Principal | None:
    """Return the caller for a token's text, None when it is unknown, revoked or expired, or its user inactive."""
    secret = _secret_of(text)
    if secret is None:
        return None
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT public_id, username, is_superuser FROM identity.check_token(%s)",
            [hashlib.sha256(secret).digest()],
        )
        row = cursor.fetchone()
    return Principal(*row) if row else None


def _secret_of(text: str) -> bytes | None:
    if not text.startswith(PREFIX) or not text.isascii() or len(text) != len(PREFIX) + 43:
        return None
    try:
        return base64.b64decode(text[len(PREFIX) :] + "=", altchars=b"-_", validate=True)
    except ValueError:
        return None
