"""Opaque tokens: made here, checked by one database function that every service may call."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import connections, transaction

from shared.errors import BellwetherError
from shared.identity.models import Token, User
from shared.identity.usernames import checked

type Kind = Literal["api", "session"]

TOKEN_BYTES = 32
PREFIX = "bw_"
_SHOWN = len(PREFIX) + 6  # of 43 characters that hold the secret
_TEXT = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class TokenEnded(BellwetherError):
    """Raised when a request is repeated under its idempotency key and the token it made has ended since."""

    status, slug, title = 409, "token-ended", "The token has ended"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, as DRF's `request.user`; `token_id` is the token or session that was shown."""

    public_id: UUID
    username: str
    is_superuser: bool
    is_staff: bool
    token_id: UUID
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> UUID:
        """Return what identifies the caller, for throttles and logs."""
        return self.public_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token and its text, which is shown once."""

    text: str
    token: Token


def create_token(*, username: str, secret: bytes, name: str = "") -> str:
    """Create a token for a user, and the user when there is none yet; return its text, which is shown once.

    `secret` holds 32 random bytes. Raises InvalidUsername.
    """
    known_as = checked(username)
    with transaction.atomic(using="identity", durable=True):
        user, created = User.objects.using("identity").get_or_create(username=known_as)
        if created:
            user.set_unusable_password()
            user.save(using="identity", update_fields=["password"])
        return issue_token(user=user, secret=secret, kind="api", name=name).text


def issue_token(
    *,
    user: User,
    secret: bytes,
    kind: Kind,
    name: str = "",
    expires_at: datetime | None = None,
    idle_limit: timedelta | None = None,
) -> Issued:
    """Store a token of 32 secret bytes, inside the caller's transaction.

    The same secret again gives the same token. Raises TokenEnded when that one is no longer taken.
    """
    if len(secret) != TOKEN_BYTES:
        raise ValueError(f"a token needs {TOKEN_BYTES} random bytes")
    text = PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")
    tokens = Token.objects.using("identity")
    digest = _digest(text, kind)
    tokens.get_or_create(
        digest=digest,
        defaults={
            "user": user,
            "kind": kind,
            "name": name,
            "prefix": text[:_SHOWN],
            "expires_at": expires_at,
            "idle_limit": idle_limit,
        },
    )
    token = tokens.live().select_related("user").filter(digest=digest).first()
    if token is None:
        raise TokenEnded(
            "The token made under this Idempotency-Key was revoked or has expired; use another key."
        )
    return Issued(text=text, token=token)


def check_token(text: str, *, alias: str, kind: Kind = "api") -> Principal | None:
    """Return the caller for the text of a token of this kind.

    None when it is unknown, revoked, expired or of the other kind, or its user inactive.
    """
    if not _TEXT.fullmatch(text):
        return None
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT public_id, username, is_superuser, is_staff, token_id FROM identity.check_token(%s)",
            [_digest(text, kind)],
        )
        row = cursor.fetchone()
    return Principal(*row) if row else None


def _digest(text: str, kind: Kind) -> bytes:
    """Return what is stored of a token; the kind is part of it, so that a session is found only as a session."""
    secret = base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "=")
    return hashlib.sha256(secret if kind == "api" else kind.encode() + secret).digest()
