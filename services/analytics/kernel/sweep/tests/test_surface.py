import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.sweep import packed, surface_hash, unpacked

surfaces = st.integers(0, 20).flatmap(lambda k: arrays(np.float64, (k, 6), elements=st.floats(width=64)))


@given(surface=surfaces)
def test_a_surface_comes_back_bit_by_bit(surface: FloatArray) -> None:
    again = unpacked(packed(surface))

    assert again.shape == surface.shape
    assert np.array_equal(again, surface, equal_nan=True)
    assert np.array_equal(np.signbit(again[surface == 0]), np.signbit(surface[surface == 0]))
    assert surface_hash(again) == surface_hash(surface)


def test_the_hash_tells_every_figure_and_its_place_and_knows_one_nan() -> None:
    surface = np.arange(12.0).reshape(2, 6)
    other, swapped = surface.copy(), surface[::-1]
    other[1, 5] = np.nextafter(other[1, 5], np.inf)
    one, two = (np.full((1, 6), nan) for nan in (np.nan, -np.nan))

    assert len({surface_hash(surface), surface_hash(other), surface_hash(swapped)}) == 3
    assert surface_hash(one) == surface_hash(two)


def test_a_smooth_surface_takes_less_room_than_its_numbers() -> None:
    surface = np.tile(np.linspace(0.1, 0.11, 5000)[:, None], (1, 6))

    assert len(packed(surface)) < 0.8 * surface.nbytes
