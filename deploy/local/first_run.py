"""The account of the first run, so that nobody needs to make one before they can look around."""

import secrets

USERNAME = "admin"
# No letter or digit that can be taken for another; 20 of 31 are 99 bits.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP_LENGTH = 4, 5


def make_first_account() -> dict[str, str] | None:
    """Make the superuser `admin` and a token of it; None where there is a superuser already, or that name.

    Both are stored hashed: what is returned is to be shown now, or never.
    """
    from django.db import IntegrityError, transaction

    from shared.identity.models import User
    from shared.identity.tokens import TOKEN_BYTES, create_token

    users = User.objects.db_manager("identity")
    if users.filter(is_superuser=True).exists():
        return None
    password = _password()
    try:
        with transaction.atomic(using="identity", durable=True):
            users.create_superuser(USERNAME, password=password)
    except IntegrityError:
        return None  # another command was first, or somebody else has the name
    token = create_token(username=USERNAME, secret=secrets.token_bytes(TOKEN_BYTES), name="first run")
    return {"username": USERNAME, "password": password, "token": token}


def first_superuser() -> str | None:
    """Return the name of the first run's account where it is there and a superuser still, else None."""
    from shared.identity.models import User

    known = User.objects.using("identity").filter(username=USERNAME, is_superuser=True)
    return USERNAME if known.exists() else None


def _password() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)
