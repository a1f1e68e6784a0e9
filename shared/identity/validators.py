"""What a password may be, beside what Django's own validators say."""

from typing import Any

from django.core.exceptions import ValidationError

LONGEST_PASSWORD = 128


class MaximumLengthValidator:
    """Refuses passwords that are long for no gain: to hash them would only take time."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError for a password of more than 128 characters."""
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        """Return the rule."""
        return f"Your password can't have more than {LONGEST_PASSWORD} characters."
