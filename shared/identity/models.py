"""Who may call the API, and how often somebody tried to become a caller."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower, Now

from shared.identity.usernames import folded


class UserManager(DjangoUserManager["User"]):
    """Finds a user by any form of the name."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of this name. Raises User.DoesNotExist."""
        return self.get(username=folded(username or ""))


class User(AbstractUser):
    """A person or program. Events and other services know users by `public_id` only.

    Names are stored folded, so that all forms of one name are one account.
    """

    first_name = None  # type: ignore[assignment]  # `display_name` stands for both
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(max_length=150, blank=True, default="")
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    objects = UserManager()  # type: ignore[misc]  # Django's is a class variable to mypy

    class Meta:
        db_table = "user"
        constraints = [models.UniqueConstraint(Lower("username"), name="user_name_is_taken_in_any_case")]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Return the form of a name that is stored."""
        return folded(username)

    def get_full_name(self) -> str:
        """Return what people call the user."""
        return self.display_name

    def get_short_name(self) -> str:
        """Return what people call the user."""
        return self.display_name


class TokenQuerySet(models.QuerySet["Token"]):
    """Knows in Python what `check_token.sql` knows; a test holds the two together."""

    def live(self) -> "TokenQuerySet":
        """Return the tokens that are neither revoked nor expired."""
        return self.annotate(idle_at=Coalesce("last_used_at", "created_at") + F("idle_limit")).filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            Q(idle_at=None) | Q(idle_at__gt=Now()),
            revoked_at=None,
        )


class Token(models.Model):
    """An API token or a login session, stored as a SHA-256 of 256 random bits: with that nobody can log in.

    `kind` says where it lives: `api` with a program, `session` in a browser's cookie. `prefix` is the beginning
    of its text, by which its owner recognises it.
    """

    public_id = models.UUIDField(unique=True, db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=10, choices=[("api", "API"), ("session", "session")], default="api")
    name = models.CharField(max_length=100, blank=True, default="")
    prefix = models.CharField(max_length=12, default="")
    digest = models.BinaryField(unique=True, max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)
    idle_limit = models.DurationField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        db_table = "token"
        constraints = [models.CheckConstraint(condition=Q(kind__in=("api", "session")), name="token_kind")]


class LoginAttempt(models.Model):
    """One try to give a password, by the SHA-256 of the account's name; a later one removes it after its minute.

    `account` is null once the password was right; see Note [Exact limits].
    """

    account = models.BinaryField(null=True, max_length=32)
    address = models.CharField(max_length=64)
    tried_at = models.DateTimeField()

    class Meta:
        db_table = "login_attempt"
        indexes = [models.Index(fields=["address", "tried_at"], name="login_attempt_by_address")]
