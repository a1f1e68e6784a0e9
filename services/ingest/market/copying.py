"""Writes rows in PostgreSQL's binary COPY format from numpy columns, without a Python object for each value.

Each row is the number of its fields and then each field behind its length in bytes, all big-endian. Fields whose
width is the same in every row make records of a fixed width, which numpy fills column by column. A NUMERIC is
given with all digits of base 10,000 that it may have; PostgreSQL drops zeros at both ends.

Source: "COPY", Binary Format, and numeric_recv in PostgreSQL's documentation and source.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "D")
_NUMERIC = np.dtype(
    [("digit_count", ">i2"), ("weight", ">i2"), ("sign", ">i2"), ("scale", ">i2"), ("digits", ">i2", (5,))]
)
_WIDTHS = {np.dtype("i4"): ">i4", np.dtype("i8"): ">i8", np.dtype("M8[D]"): ">i4"}


@dataclass(frozen=True, slots=True, eq=False)
class Millionths:
    """A column of NUMERIC(18,6): (n,) int64, millionths, from 0 to below 10^18."""

    numbers: NDArray[np.int64]


type Column = NDArray[Any] | Millionths | bytes | None


def binary_rows(count: int, *columns: Column) -> bytes:
    """Return `count` rows for a binary COPY, to be put between `HEADER` and `TRAILER`.

    A column is a vector (int32 for INTEGER, int64 for BIGINT, datetime64[D] for DATE), Millionths, or the same in
    every row: the bytes of a TEXT or a UUID, or None for NULL.
    """
    layout: list[tuple[str, str | np.dtype[Any]]] = [("fields", ">i2")]
    for number, column in enumerate(columns):
        layout.append((f"length{number}", ">i4"))
        if (value := _layout(column)) is not None:
            layout.append((f"value{number}", value))
    rows = np.zeros(count, np.dtype(layout))
    rows["fields"] = len(columns)
    for number, column in enumerate(columns):
        if column is None:
            rows[f"length{number}"] = -1
            continue
        rows[f"length{number}"] = rows.dtype[f"value{number}"].itemsize
        _fill(rows[f"value{number}"], column)
    return rows.tobytes()


def _layout(column: Column) -> str | np.dtype[Any] | None:
    if column is None:
        return None
    if isinstance(column, bytes):
        return f"V{len(column)}"
    return _NUMERIC if isinstance(column, Millionths) else _WIDTHS[column.dtype]


def _fill(field: NDArray[Any], column: NDArray[Any] | Millionths | bytes) -> None:
    if isinstance(column, Millionths):
        _fill_numeric(field, column.numbers)
    elif isinstance(column, bytes):
        field[:] = np.void(column)
    elif column.dtype.kind == "M":
        field[:] = (column - _EPOCH).astype(np.int64)
    else:
        field[:] = column


def _fill_numeric(field: NDArray[Any], numbers: NDArray[np.int64]) -> None:
    whole, fraction = np.divmod(numbers, 10**6)
    digits = field["digits"]
    digits[:, 0], rest = np.divmod(whole, 10**8)
    digits[:, 1], digits[:, 2] = np.divmod(rest, 10**4)
    digits[:, 3], rest = np.divmod(fraction, 100)
    digits[:, 4] = rest * 100
    field["digit_count"], field["weight"], field["scale"] = 5, 2, 6
