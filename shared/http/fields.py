"""Serializers and fields that take what is documented and nothing else."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from shared.errors import NotFound
from shared.symbols import SYMBOL_GRAMMAR, InvalidSymbol, normalise_symbol

SIGNIFICANT_DIGITS = 12
MOST_SYMBOLS = 50
LARGEST_NUMBER = 2**53  # above it a JSON number is not the same in every language
MOST_PARAMETERS, LONGEST_NAME, LONGEST_TEXT = 50, 80, 100
_SYMBOL = SYMBOL_GRAMMAR.pattern.replace("A-Z", "A-Za-z")
SYMBOL_SCHEMA = {
    "type": "string",
    "pattern": f"^{_SYMBOL}$",
    "description": "A ticker symbol; lower case is folded",
    "example": "AAPL",
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, in bodies and in query strings alike.

    A body names in `example` one that works on a new installation, for who tries it from the documentation.
    """

    example: ClassVar[Mapping[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values. Raises ValidationError naming every unknown field."""
        unknown = sorted(set(data) - set(self.fields)) if hasattr(data, "keys") else []
        if unknown:
            known = ", ".join(sorted(self.fields)) or "none"
            detail = serializers.ErrorDetail(f"Unknown; known are: {known}.", code="unknown_field")
            raise serializers.ValidationError({str(name)[:80]: [detail] for name in unknown[:20]})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string: no number is taken for one."""

    def to_internal_value(self, data: Any) -> str:
        """Return the string. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Switch(serializers.BooleanField):
    """True or false: no number or text is taken for either."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the value. Raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field(SYMBOL_SCHEMA)
class SymbolField(serializers.Field[str, Any, str, Any]):
    """A ticker symbol."""

    def to_internal_value(self, data: Any) -> str:
        """Return the upper-case symbol. Raises ValidationError for anything else."""
        try:
            return normalise_symbol(data)
        except InvalidSymbol as error:
            raise serializers.ValidationError(error.detail, code="invalid_symbol") from None

    def to_representation(self, value: str) -> str:
        """Return the symbol."""
        return value


@extend_schema_field(
    {
        "type": "string",
        "pattern": f"^{_SYMBOL}(,{_SYMBOL}){{0,{MOST_SYMBOLS - 1}}}$",
        "description": f"Up to {MOST_SYMBOLS} ticker symbols, such as `AAPL,FB`; lower case is folded",
    }
)
class Symbols(serializers.Field[list[str], Any, str, Any]):
    """A few ticker symbols separated by commas."""

    def to_internal_value(self, data: Any) -> list[str]:
        """Return each symbol once, in upper case. Raises ValidationError for too many and for any that is none."""
        texts = str(data).split(",")
        if len(texts) > MOST_SYMBOLS:
            raise serializers.ValidationError(
                f"{len(texts)} symbols are given; at most {MOST_SYMBOLS} are taken.", code="too_many"
            )
        one = SymbolField()
        return sorted({one.to_internal_value(text) for text in texts})

    def to_representation(self, value: list[str]) -> str:
        """Return them as they are given."""
        return ",".join(value)


class Choice(serializers.ChoiceField):
    """One of a few words, given as a string."""

    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        super().__init__(choices=tuple(choices), **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the word. Raises ValidationError naming those permitted."""
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(
                f"Permitted are: {', '.join(self.choices)}.", code="invalid_choice"
            )
        return data


@extend_schema_field(OpenApiTypes.DATE)
class SessionDate(serializers.Field[date, Any, str, Any]):
    """A day as `YYYY-MM-DD`, not in the future."""

    def to_internal_value(self, data: Any) -> date:
        """Return the day. Raises ValidationError for another form, a day that does not exist or is to come."""
        try:
            if not isinstance(data, str) or not _DATE.fullmatch(data):
                raise ValueError
            day = date.fromisoformat(data)
        except ValueError:
            raise serializers.ValidationError(
                "Give an existing day as YYYY-MM-DD.", code="invalid_date"
            ) from None
        if day > timezone.now().date():
            raise serializers.ValidationError(f"{day} is in the future.", code="future_date")
        return day

    def to_representation(self, value: date) -> str:
        """Return the day in ISO form."""
        return value.isoformat()


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field[datetime, Any, str, Any]):
    """A moment as RFC 3339 has it, with its offset, not in the future."""

    def to_internal_value(self, data: Any) -> datetime:
        """Return the moment in UTC. Raises ValidationError for another form and for one that is to come."""
        try:
            if not isinstance(data, str) or not _INSTANT.fullmatch(data.upper()):
                raise ValueError
            instant = datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError(
                "Give a moment as YYYY-MM-DDTHH:MM:SSZ, or with an offset such as +01:00 (`%2B01:00` in an address).",
                code="invalid_instant",
            ) from None
        if instant > timezone.now():
            raise serializers.ValidationError(f"{data} is in the future.", code="future_date")
        return instant

    def to_representation(self, value: datetime) -> str:
        """Return the moment in ISO form."""
        return value.isoformat()


class DateRange(StrictSerializer):
    """Two optional dates, both included, the first not after the second."""

    start = SessionDate(required=False, help_text="First day, included")
    end = SessionDate(required=False, help_text="Last day, included")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values. Raises ValidationError for a range that is upside down."""
        start, end = attrs.get("start"), attrs.get("end")
        if start and end and start > end:
            raise serializers.ValidationError({"end": f"{end} is before start, {start}."}, code="upside_down")
        return attrs


class WholeNumber(serializers.IntegerField):
    """A whole number in digits only."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises ValidationError for signs of anything else: spaces, `_`, `.0`, true."""
        if isinstance(data, bool) or not _WHOLE.fullmatch(str(data)):
            self.fail("invalid")
        return int(data)


class DecimalText(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number, never below zero, as a JSON string, so that no digit is lost on the way."""

    def __init__(self, *, minimum: Decimal, maximum: Decimal, places: int, **options: Any) -> None:
        super().__init__(**options)
        self._minimum, self._maximum, self._places = minimum, maximum, places
        self._pattern = rf"^[0-9]{{1,15}}(\.[0-9]{{1,{places}}})?$"

    @property
    def form(self) -> dict[str, Any]:
        """Return the schema of its text; the permitted range can only be told in words."""
        return {"type": "string", "format": "decimal", "pattern": self._pattern, "example": "10000.50"}

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the number. Raises ValidationError naming the permitted range."""
        permitted = (
            f'Give a string such as "{self._minimum}": from {self._minimum} to {self._maximum}'
            f" with at most {self._places} decimal places."
        )
        if not isinstance(data, str) or not re.fullmatch(self._pattern, data):
            raise serializers.ValidationError(permitted, code="invalid_decimal")
        value = Decimal(data)
        if not self._minimum <= value <= self._maximum:
            raise serializers.ValidationError(permitted, code="out_of_range")
        return value

    def to_representation(self, value: Decimal | str) -> str:
        """Return plain notation; what JSON keeps as text is that already."""
        return value if isinstance(value, str) else format(value, "f")


@extend_schema_field({"type": "string", "format": "decimal", "example": "187.15"})
class NumberText(serializers.Field[Any, Any, str, Any]):
    """A price or an amount on its way out: plain notation in a string."""

    def to_representation(self, value: Decimal | float) -> str:
        """Return the number as `number_text` writes it."""
        return number_text(value)


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MOST_PARAMETERS,
        "propertyNames": {"maxLength": LONGEST_NAME},
        "additionalProperties": {
            "oneOf": [
                {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
                {"type": "string", "maxLength": LONGEST_TEXT},
                {"type": "boolean"},
            ]
        },
    }
)
class Parameters(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A strategy's parameters: an object of plain values, which the strategy itself checks."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object. Raises ValidationError for nested, endless or oversize values."""
        if (
            not isinstance(data, dict)
            or len(data) > MOST_PARAMETERS
            or not all(_is_plain(value) for value in data.values())
        ):
            raise serializers.ValidationError(
                f"Give an object of at most {MOST_PARAMETERS} numbers, short strings and booleans.",
                code="invalid_parameters",
            )
        if any(len(name) > LONGEST_NAME for name in data):
            raise serializers.ValidationError(
                f"A name has more than {LONGEST_NAME} characters.", code="invalid_parameters"
            )
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object."""
        return value


def symbol_of_address(text: str) -> str:
    """Return the upper-case symbol that an address names. Raises NotFound: there is nothing at any other."""
    try:
        return normalise_symbol(text)
    except InvalidSymbol as error:
        raise NotFound(error.detail) from None


def number_text(value: Decimal | float) -> str:
    """Return a number in plain notation: a Decimal with all its digits, a float with 12 significant ones."""
    if isinstance(value, float):
        text = f"{value:.{SIGNIFICANT_DIGITS}g}"
        if "e" not in text:  # plain already, as almost all are
            return text
        value = Decimal(text)
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return isinstance(value, bool) or (isinstance(value, (int, float)) and abs(value) <= LARGEST_NUMBER)
