"""Arrays come out of PostgreSQL as the values that went in, to the bit."""

import math
from datetime import date
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import ProgrammingError, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.pricing.arrays import vector_cursor

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
INT8 = st.integers(-(2**63), 2**63 - 1)


def read(statement: str, *values: Any) -> Any:
    with vector_cursor("ingest") as cursor:
        cursor.execute(statement, values)
        [row] = cursor.fetchall()
    return row[0]


@FEW
@given(st.lists(st.floats(), max_size=50))
def test_floats_keep_every_bit(db: psycopg.Connection[Any], floats: list[float]) -> None:
    found = read("SELECT %s::float8[]", floats)

    assert found.dtype == np.float64
    for told, given_value in zip(found.tolist(), floats, strict=True):
        assert (math.isnan(told) and math.isnan(given_value)) or told.hex() == given_value.hex()


@FEW
@given(st.lists(INT8, max_size=50))
def test_integers_stay_what_they_are(db: psycopg.Connection[Any], integers: list[int]) -> None:
    found = read("SELECT %s::int8[]", integers)

    assert (found.dtype, found.tolist()) == (np.int64, integers)


@FEW
@given(st.lists(st.dates(), max_size=50))
def test_days_are_those_of_the_calendar(db: psycopg.Connection[Any], days: list[date]) -> None:
    found = read("SELECT %s::date[]", days)

    assert (found.dtype, found.tolist()) == (np.dtype("datetime64[D]"), days)


def test_a_vector_is_a_fresh_one_in_native_order(db: psycopg.Connection[Any]) -> None:
    found = read("SELECT ARRAY[1.5, 2.5]::float8[]")

    assert found.dtype.isnative
    assert found.flags.writeable
    assert found.flags.c_contiguous


@pytest.mark.parametrize("array", ["ARRAY[1, NULL]::float8[]", "ARRAY[[1], [2]]::int8[]"])
def test_what_is_no_vector_is_refused(db: psycopg.Connection[Any], array: str) -> None:
    with pytest.raises(ValueError, match="no vector"):
        read(f"SELECT {array}")


def test_the_cursor_is_one_of_django_in_all_else(db: psycopg.Connection[Any]) -> None:
    with CaptureQueriesContext(connections["ingest"]) as statements:
        assert read("SELECT %s::text", "a % in a text") == "a % in a text"
        assert read("SELECT 2.50::numeric(18,6)").as_tuple().exponent == -6
        assert read("SELECT ARRAY['x', NULL]") == ["x", None]

    assert len(statements) == 3
    with pytest.raises(ProgrammingError, match="no_such_table"):
        read("SELECT * FROM no_such_table")
