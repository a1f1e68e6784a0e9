"""Passwords: what one must be, and whether it is right, at one cost for whoever is asked about."""

import base64

from django.contrib.auth.hashers import get_hasher, verify_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from shared.errors import ValidationFailed
from shared.identity.models import User


class UnacceptablePassword(ValidationFailed):
    """Raised for a new password that is too short, too long, common, or like the user's name."""

    slug, title = "unacceptable-password", "The password is not acceptable"


def require_acceptable(password: str, *, user: User, field: str) -> None:
    """Raise UnacceptablePassword, naming `field`, when this may not be the user's new password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise UnacceptablePassword(" ".join(error.messages), field=field) from None


def is_right(password: str, *, user: User | None) -> bool:
    """Return whether the user may log in with this password.

    Nobody, somebody inactive and somebody without a password cost the same hash as a wrong password does.
    Raises HasherBusy.
    """
    may_log_in = user is not None and user.is_active and user.has_usable_password()
    encoded = user.password if user is not None and may_log_in else _hash_of_nothing()
    is_correct, _ = verify_password(password, encoded)
    return may_log_in and is_correct


def _hash_of_nothing() -> str:
    """Return a hash with the parameters of today that nobody knows a password for, made without hashing."""
    hasher = get_hasher()
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"  # type: ignore[attr-defined]
    return f"{hasher.algorithm}$argon2id$v=19${costs}${salt}${digest}"
