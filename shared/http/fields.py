"""Serializers and fields that take what is documented and nothing else."""

import re
from decimal import Decimal
from typing import Any

from rest_framework import serializers

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, in bodies and in query strings alike."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values. Raises ValidationError naming every unknown field."""
        unknown = sorted(set(data) - set(self.fields)) if hasattr(data, "keys") else []
        if unknown:
            known = ", ".join(sorted(self.fields)) or "none"
            raise serializers.ValidationError(
                {
                    str(name)[:80]: serializers.ErrorDetail(f"Unknown; known are: {known}.", code="unknown_field")
                    for name in unknown
                }
            )
        return super().to_internal_value(data)


class SymbolField(serializers.CharField):
    """A ticker symbol: letters, digits, dot and hyphen in ASCII; lower case is folded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the upper-case symbol. Raises ValidationError for anything else."""
        if not isinstance(data, str) or not data.isascii() or not _SYMBOL.fullmatch(data.upper()):
            raise serializers.ValidationError(
                "A symbol has 1 to 15 of A-Z, 0-9, dot and hyphen, and starts with a letter or digit.",
                code="invalid_symbol",
            )
        return data.upper()


class DecimalText(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number as a JSON string, so that no digit is lost on the way."""

    def __init__(self, *, minimum: Decimal, maximum: Decimal, places: int, **options: Any) -> None:
        super().__init__(**options)
        self._minimum, self._maximum, self._places = minimum, maximum, places

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the number. Raises ValidationError naming the permitted range."""
        permitted = (
            f'Give a string such as "{self._minimum}": from {self._minimum} to {self._maximum}'
            f" with at most {self._places} decimal places."
        )
        if not isinstance(data, str) or not _DECIMAL.fullmatch(data):
            raise serializers.ValidationError(permitted, code="invalid_decimal")
        value = Decimal(data)
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
        if not self._minimum <= value <= self._maximum or places > self._places:
            raise serializers.ValidationError(permitted, code="out_of_range")
        return value

    def to_representation(self, value: Decimal) -> str:
        """Return plain notation."""
        return format(value, "f")
