"""What a user may do about the account: register, log in and out, change the password, and hand out tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from shared.errors import BellwetherError, NotFound, ValidationFailed
from shared.identity.attempts import counted
from shared.identity.models import Token, User
from shared.identity.passwords import is_right, require_acceptable
from shared.identity.sessions import IDLE_LIMIT, LIFETIME
from shared.identity.tokens import Issued, Kind, TokenEnded, issue_token
from shared.identity.usernames import checked, folded

KEPT_AFTER_END = timedelta(days=30)  # a month in which the owner can be told what a token was


class RegistrationClosed(BellwetherError):
    """Raised when somebody registers where only the operator makes accounts."""

    status, slug, title = 403, "registration-closed", "Registration is closed"


class UsernameTaken(BellwetherError):
    """Raised when an account of this name exists, in whatever case or form it is written."""

    status, slug, title = 409, "username-taken", "The user name is taken"


class WrongCredentials(BellwetherError):
    """Raised for a log-in with an unknown name, a wrong password or an inactive account: it never says which."""

    status, slug, title = 401, "wrong-credentials", "The user name or the password is wrong"


class WrongPassword(ValidationFailed):
    """Raised when the current password is not the one given."""

    slug, title = "wrong-password", "The current password is wrong"


def register(*, username: str, password: str, email: str, display_name: str, address: str) -> User:
    """Make an account.

    Raises RegistrationClosed, InvalidUsername, UnacceptablePassword, UsernameTaken and TooManyAttempts.
    """
    if not settings.BELLWETHER["REGISTRATION_OPEN"]:
        raise RegistrationClosed("Accounts are made by the operator here; see REGISTRATION_OPEN.")
    user = User(username=checked(username), email=email, display_name=display_name)
    require_acceptable(password, user=user, field="password")
    taken = UsernameTaken(f"There is a user {user.username!r} already.")
    with counted(username=username, address=address):
        if User.objects.using("identity").filter(username=user.username).exists():
            raise taken
        user.password = make_password(password)
    try:
        with transaction.atomic(using="identity", durable=True):
            user.save(using="identity")
    except IntegrityError:
        raise taken from None
    return user


def log_in(
    *,
    username: str,
    password: str,
    address: str,
    kind: Kind,
    secret: bytes,
    now: datetime,
    name: str = "",
) -> Issued:
    """Give whoever knows the password a token of 32 secret bytes: for ten hours, or until an hour without use.

    Raises WrongCredentials, TooManyAttempts, HasherBusy and TokenEnded.
    """
    with counted(username=username, address=address):
        user = User.objects.using("identity").filter(username=folded(username)).first()
        if not is_right(password, user=user) or user is None:
            raise WrongCredentials("There is no active user of this name and password.")
    with transaction.atomic(using="identity", durable=True):
        # The row's lock: who changes the password or disables the account meanwhile ends this log-in too.
        same = User.objects.using("identity").filter(pk=user.pk, password=user.password, is_active=True)
        if not same.update(last_login=now):
            raise WrongCredentials("The account changed at this very moment.")
        _forget_ended(user)
        return issue_token(
            user=user, secret=secret, kind=kind, name=name, expires_at=now + LIFETIME, idle_limit=IDLE_LIMIT
        )


def create_named_token(
    *, user_id: UUID, by_token_id: UUID, name: str, expires_at: datetime | None, secret: bytes
) -> Issued:
    """Give a user a token of 32 secret bytes for a program, while the one that asks is live. Raises TokenEnded."""
    with transaction.atomic(using="identity", durable=True):
        user = User.objects.using("identity").select_for_update().get(public_id=user_id)
        if not Token.objects.using("identity").live().filter(public_id=by_token_id).exists():
            raise TokenEnded("The token or session that asked was ended at this very moment.")
        return issue_token(user=user, secret=secret, kind="api", name=name, expires_at=expires_at)


def revoke_token(*, user_id: UUID, token_id: UUID) -> None:
    """End one of the user's tokens or sessions, in all services at once. Raises NotFound."""
    with transaction.atomic(using="identity", durable=True):
        mine = Token.objects.using("identity").live().filter(user__public_id=user_id)
        if not mine.filter(public_id=token_id).update(revoked_at=Now()):
            raise NotFound(f"You have no token {token_id}.")


def change_password(
    *, user_id: UUID, current_password: str, new_password: str, keep_token_id: UUID, address: str
) -> None:
    """Change the password, and end all the user's tokens and sessions but the one that asked.

    Raises WrongPassword, UnacceptablePassword, TooManyAttempts and HasherBusy.
    """
    user = User.objects.using("identity").get(public_id=user_id)
    require_acceptable(new_password, user=user, field="new_password")
    with counted(username=user.username, address=address):
        if not is_right(current_password, user=user):
            raise WrongPassword("This is not the current password.", field="current_password")
        set_password(user=user, password=new_password, keep_token_id=keep_token_id)


def set_password(*, user: User, password: str, keep_token_id: UUID | None = None) -> None:
    """Give a user a password that was checked to be acceptable, and end the tokens and sessions.

    Raises HasherBusy, and WrongPassword when another password was set since `user` was read.
    """
    encoded = make_password(password)
    with transaction.atomic(using="identity", durable=True):
        same = User.objects.using("identity").filter(pk=user.pk, password=user.password)
        if not same.update(password=encoded):
            raise WrongPassword("It was changed at this very moment.", field="current_password")
        ended = Token.objects.using("identity").filter(user=user, revoked_at=None)
        if keep_token_id is not None:
            ended = ended.exclude(public_id=keep_token_id)
        ended.update(revoked_at=Now())


def update_profile(*, user_id: UUID, **changes: str) -> User:
    """Change the user's `email` or `display_name`; return the user."""
    with transaction.atomic(using="identity", durable=True):
        user = User.objects.using("identity").select_for_update().get(public_id=user_id)
        for name, value in changes.items():
            setattr(user, name, value)
        user.save(using="identity", update_fields=list(changes))
    return user


def _forget_ended(user: User) -> None:
    """Remove the user's tokens that ended long ago."""
    long_ago = Now() - KEPT_AFTER_END
    tokens = Token.objects.using("identity").filter(user=user)
    tokens.filter(expires_at__lt=long_ago).delete()
    tokens.filter(revoked_at__lt=long_ago).delete()
