"""From the text of an option to its value."""

from decimal import Decimal
from typing import Any

from shared.errors import ValidationFailed


def decimal_of(text: str, *, name: str, least: int, most: int) -> Decimal:
    """Return a decimal option. Raises ValidationFailed naming it and its range."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or not least <= value <= most or text != text.strip() or "_" in text:
        raise ValidationFailed(f"{name} {text[:40]!r}: give a number from {least:,} to {most:,}.", field=name)
    return value


def parameters_of(given: list[str]) -> dict[str, Any]:
    """Return strategy parameters given as name=number. Raises ValidationFailed."""
    parameters: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            parameters[name] = float(value) if "." in value else int(value)
        except ValueError:
            raise ValidationFailed(f"--parameter {text[:60]!r}: give name=number.") from None
    return parameters
