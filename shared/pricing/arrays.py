"""Reads arrays of PostgreSQL as numpy vectors, without a Python object for each element."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import DTypeLike, NDArray
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from shared.cursors import prepared_cursor

HEADER_BYTES = 20
_EPOCH_OF_POSTGRES = np.datetime64("2000-01-01", "D")

# Note [Arrays on the wire]
# The binary form of a one-dimensional array is five big-endian int32 (dimensions, whether any element is
# null, OID of the elements, how many, index of the first) and then each element behind its length in bytes.
# Elements of a fixed width are therefore records of a fixed width, which numpy reads as they lie there.


class _VectorLoader(Loader):
    """Reads one-dimensional arrays of a fixed-width type into a fresh vector in native byte order."""

    format = Format.BINARY
    element: ClassVar[str]
    vector: ClassVar[DTypeLike]

    def load(self, data: Buffer) -> NDArray[Any]:
        """Return the elements. Raises ValueError for an array with a null, which no vector can hold."""
        dimensions, has_null = np.frombuffer(data, ">i4", count=2).tolist()
        if has_null or dimensions > 1:
            raise ValueError("an array that has a null or several dimensions is no vector")
        if not dimensions:
            return np.empty(0, self.vector)
        record = np.dtype([("length", ">i4"), ("value", self.element)])
        return np.frombuffer(data, record, offset=HEADER_BYTES)["value"].astype(self.vector)


class _Floats(_VectorLoader):
    element, vector = ">f8", np.float64


class _Integers(_VectorLoader):
    element, vector = ">i8", np.int64


class _Days(_VectorLoader):
    element, vector = ">i4", np.int64

    def load(self, data: Buffer) -> NDArray[Any]:
        """Return the days; PostgreSQL counts them from another one than numpy."""
        return _EPOCH_OF_POSTGRES + super().load(data).view("timedelta64[D]")


_LOADERS = {"float8": _Floats, "int8": _Integers, "date": _Days}


@contextmanager
def vector_cursor(alias: str) -> Iterator[CursorWrapper]:
    """Give a cursor of `alias` whose arrays of float8, int8 and date come as numpy vectors, nulls refused.

    Django's own cursors take nothing but text; in all else this one is like them.
    """
    with prepared_cursor(alias) as cursor:
        cursor.cursor.format = Format.BINARY
        for name, loader in _LOADERS.items():
            cursor.adapters.register_loader(cursor.adapters.types[name].array_oid, loader)
        yield cursor
