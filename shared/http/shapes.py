"""The two shapes of a series: a list of rows, or its columns as parallel arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from shared.http.fields import NumberText


def columns_of(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Return the serializer of such rows as arrays by column: plain numbers where a row has decimal strings."""
    columns = {name: serializers.ListField(child=_plain(field)) for name, field in row().fields.items()}
    return type(f"{row.__name__}Columns", (serializers.Serializer,), {"__doc__": row.__doc__, **columns})


def either(
    rows: type[serializers.Serializer[Any]], columns: type[serializers.Serializer[Any]]
) -> serializers.Serializer[Any]:
    """Return what the document says of an answer in one of both shapes."""
    name = rows.__qualname__.partition(".")[0]
    return PolymorphicProxySerializer(
        component_name=f"{name}Output", serializers=[rows, columns], resource_type_field_name=None
    )


def as_rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the rows of columns, written without a serializer, which would take ten times longer."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(field: Any) -> serializers.Field[Any, Any, Any, Any]:
    if isinstance(field, NumberText):
        return serializers.FloatField(allow_null=field.allow_null)
    kind: type[serializers.Field[Any, Any, Any, Any]] = type(field)
    return kind(allow_null=field.allow_null)
