"""Users and tokens: what an operator may do about them, and who did."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html

from shared.admin.display import address_of
from shared.admin.records import ListedAdmin, RecordAdmin
from shared.identity.models import LoginAttempt, Token, User
from shared.identity.usernames import InvalidUsername, checked


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]  # generic for the checker only
    """A user name as `usernames` has it, and a password."""

    def clean_username(self) -> str:
        """Return the form of the name that is stored. Raises ValidationError."""
        try:
            self.cleaned_data["username"] = checked(self.cleaned_data["username"])
        except InvalidUsername as error:
            raise forms.ValidationError(error.detail) from None
        return str(super().clean_username())


class NewPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # generic for the checker only
    """A password that an operator sets: whoever knew the old one is out."""

    def save(self, commit: bool = True) -> Any:
        """Store the password and end all tokens and sessions of the user."""
        with transaction.atomic(using="identity"):
            # In this order: a log-in with the old password waits for the user's row, or is ended here.
            user = super().save(commit)
            Token.objects.using("identity").filter(user=self.user, revoked_at=None).update(revoked_at=Now())
            return user


@admin.register(User)
class UserAdmin(ListedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]  # generic for the checker only
    """Makes users, sets their passwords and rights; nobody is deleted, since events name users for ever."""

    add_form = NewUserForm
    change_password_form = NewPasswordForm
    list_display = (
        "username",
        "display_name",
        "email",
        "is_active",
        "is_superuser",
        "last_login",
        "date_joined",
    )
    list_filter = ("is_active", "is_superuser")
    date_hierarchy = "date_joined"
    search_fields = ("username", "email", "display_name")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("public_id", "last_login", "date_joined", "tokens")
    actions = ("activate", "deactivate")
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_superuser")}),
        ("On record", {"fields": ("public_id", "last_login", "date_joined", "tokens")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: a user is deactivated and stays."""
        return False

    @admin.display(description="tokens and sessions")
    def tokens(self, user: User) -> str:
        """Return a link to the user's tokens."""
        count = user.tokens.live().count()
        return format_html('<a href="{}">{} live</a>', address_of("identity_token?user", user.pk), count)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let users in again."""
        self._set_active(request, users, is_active=True)

    @admin.action(description="Deactivate: all their tokens stop at once", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let users in no more."""
        self._set_active(request, users, is_active=False)

    def _set_active(self, request: HttpRequest, users: QuerySet[User], *, is_active: bool) -> None:
        changed = list(users.exclude(is_active=is_active))
        users.update(is_active=is_active)
        for user in changed:
            self.log_change(request, user, "Activated." if is_active else "Deactivated.")
        self.message_user(request, f"Changed: {len(changed)}.")


@admin.register(Token)
class TokenAdmin(RecordAdmin):
    """Shows who has tokens and sessions, and revokes them; what they are is known to their owners only."""

    list_display = (
        "prefix",
        "kind",
        "name",
        "user",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("kind", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    search_fields = ("public_id", "prefix")
    search_help_text = "A token's id, or how its text begins"
    ordering = ("-created_at",)
    heading = ("prefix", "user")
    links = {"user": "identity_user"}
    elsewhere = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        """End tokens in all services at once."""
        live = list(tokens.filter(revoked_at=None))
        tokens.filter(revoked_at=None).update(revoked_at=Now())
        for token in live:
            self.log_change(request, token, "Revoked.")
        self.message_user(request, f"Revoked: {len(live)}.", messages.SUCCESS if live else messages.WARNING)


@admin.register(LoginAttempt)
class AttemptAdmin(RecordAdmin):
    """Lists the last minute's tries to give a password, without whose."""

    list_display = ("tried_at", "address")
    search_fields = ("address",)
    search_help_text = "How an address begins"
    ordering = ("-tried_at",)
    heading = ("address", "tried_at")
    elsewhere = ("account",)


@admin.register(LogEntry)
class LogEntryAdmin(RecordAdmin):
    """Lists what superusers did on these pages."""

    list_display = ("action_time", "user", "content_type", "object_repr", "get_change_message")
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"
    search_fields = ("object_repr",)
    search_help_text = "How the name of a row begins"
    ordering = ("-action_time",)
    heading = ("action_time",)
    links = {"user": "identity_user"}


# Only superusers get in, and nobody has a right through a group.
admin.site.unregister(Group)
