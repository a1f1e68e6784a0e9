"""A chunk of a surface as bytes: exact, small, and named by its hash."""

import hashlib
import zlib
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.engine import SWEEP_METRICS

_WIDTH: Final = len(SWEEP_METRICS)
_NUMBER: Final = np.dtype("<f8")


def packed(measured: FloatArray) -> bytes:
    """Return (k, 6) figures, NaN included, bit by bit as they are.

    Column after column, and of each the first bytes of all numbers, then the second: neighbours in a grid have
    signs and exponents in common, which zlib then finds.
    """
    return zlib.compress(_planes(measured), level=6)


def unpacked(surface: bytes) -> FloatArray:
    """Return the figures (k, 6) that `packed` was given."""
    planes = np.frombuffer(zlib.decompress(surface), dtype=np.uint8).reshape(_WIDTH, _NUMBER.itemsize, -1)
    columns = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(_NUMBER)
    return np.ascontiguousarray(columns.reshape(_WIDTH, -1).T, dtype=np.float64)


def surface_hash(measured: FloatArray) -> str:
    """Return the sha256 of the figures, whatever compresses them; there is one NaN."""
    return hashlib.sha256(_planes(measured)).hexdigest()


def _planes(measured: FloatArray) -> bytes:
    figures = np.where(np.isnan(measured), np.nan, measured)
    columns = np.ascontiguousarray(figures.T, dtype=_NUMBER)
    planes = columns.view(np.uint8).reshape(_WIDTH, len(measured), _NUMBER.itemsize)
    return planes.transpose(0, 2, 1).tobytes()
