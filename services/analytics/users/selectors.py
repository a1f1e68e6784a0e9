"""What is told of users and tokens."""

from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from shared.errors import NotFound
from shared.identity.models import Token, User


def user_by_id(user_id: UUID) -> User:
    """Return a user. Raises User.DoesNotExist."""
    return User.objects.using("identity").get(public_id=user_id)


def live_tokens(*, user_id: UUID, current_token_id: UUID) -> QuerySet[Token]:
    """Return a user's tokens and sessions that are neither revoked nor expired; `current` marks the one given."""
    is_current = ExpressionWrapper(Q(public_id=current_token_id), output_field=BooleanField())
    return Token.objects.using("identity").live().filter(user__public_id=user_id).annotate(current=is_current)


def live_token(token_id: UUID, *, user_id: UUID, current_token_id: UUID) -> Token:
    """Return one of them. Raises NotFound."""
    found = live_tokens(user_id=user_id, current_token_id=current_token_id).filter(public_id=token_id).first()
    if found is None:
        raise NotFound(f"You have no token {token_id}.")
    return found
