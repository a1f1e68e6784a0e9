"""How a grid of parameters is written."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from services.analytics.kernel.sweep.grid import MOST_VALUES
from shared.http.fields import LARGEST_NUMBER, LONGEST_NAME, MOST_PARAMETERS

_NUMBER = {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
_RANGE = ("from", "to", "step")


@extend_schema_field(
    {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MOST_PARAMETERS,
        "propertyNames": {"maxLength": LONGEST_NAME},
        "additionalProperties": {
            "oneOf": [
                {"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": MOST_VALUES},
                {
                    "type": "object",
                    "properties": dict.fromkeys(_RANGE, _NUMBER),
                    "required": list(_RANGE),
                    "additionalProperties": False,
                },
            ]
        },
    }
)
class GridField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """For each parameter that varies a list of values, or a range with both its ends and a step."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object. Raises ValidationError for any other form; the strategy checks the values."""
        if not isinstance(data, dict) or not 1 <= len(data) <= MOST_PARAMETERS:
            raise serializers.ValidationError(
                "Give an object with one entry for each parameter that varies.", code="invalid_grid"
            )
        for name, wanted in data.items():
            if len(name) > LONGEST_NAME or not _is_axis(wanted):
                raise serializers.ValidationError(
                    f"{name[:LONGEST_NAME]}: give 1 to {MOST_VALUES} numbers, or `from`, `to` and `step`.",
                    code="invalid_grid",
                )
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object."""
        return value


def _is_axis(wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return set(wanted) == set(_RANGE) and all(map(_is_number, wanted.values()))
    return isinstance(wanted, list) and 1 <= len(wanted) <= MOST_VALUES and all(map(_is_number, wanted))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER
