"""The array types of the kernel, by what one element means."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

type FloatArray = NDArray[np.float64]
type SignalArray = NDArray[np.int8]
type IndexArray = NDArray[np.int64]
type FlagArray = NDArray[np.bool_]
type DateArray = NDArray[np.datetime64[Any]]
