"""One source, run as it is or compiled: numba is imported only when the work is worth it."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, Final

import numpy as np

# Below this many numbers the plain function is done before numba, with its code from the cache, is imported.
MANY_NUMBERS: Final = 200_000

_warm = False


class Compiled[**P, R]:
    """A function of arrays and scalars that runs as plain Python until it is worth compiling.

    That is once a call brings MANY_NUMBERS array elements, or after `warm_up()`. Both ways give the same bits:
    without fast-math the compiler neither reorders nor fuses the operations of IEEE 754. Where numba is not
    installed it always runs as it is. Functions that it calls are `Compiled` too.
    """

    def __init__(self, function: Callable[P, R], *, inline: bool) -> None:
        assert isinstance(function, FunctionType)
        self.plain: Callable[P, R] = function
        self._function, self._inline = function, inline
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it."""
        if not _warm and _count_numbers(args) < MANY_NUMBERS:
            return self.plain(*args, **kwargs)
        return self.machine(*args, **kwargs)

    @cached_property
    def machine(self) -> Callable[P, R]:
        """Return the compiled function, or the plain one where there is no compiler."""
        try:
            from services.analytics.kernel.machine_code import compile_function
        except ImportError:
            return self.plain
        copy = FunctionType(self._function.__code__, self._function.__globals__, self._function.__name__)
        copy.__module__, copy.__doc__ = self._function.__module__, self._function.__doc__
        # numba's cache looks at the file of a function, not at the functions that it calls. The name of the
        # cached code tells them all.
        copy.__qualname__ = f"{self._function.__qualname__}_{self.digest}"
        return compile_function(copy, inline=self._inline)

    @cached_property
    def digest(self) -> str:
        """Return what distinguishes this function, with the functions and constants that it uses."""
        code = self._function.__code__
        used = [self._function.__globals__.get(name) for name in code.co_names]
        parts = [
            code.co_code,
            *(constant for constant in code.co_consts if not isinstance(constant, CodeType)),
        ]
        parts += [value for value in used if isinstance(value, int | float | str)]
        parts += [value.digest for value in used if isinstance(value, Compiled)]
        parts += [getattr(value, "_fields", None) for value in used]
        return hashlib.sha256(repr((code.co_names, parts)).encode()).hexdigest()[:16]

    @property
    def _numba_type_(self) -> Any:
        """Tell numba what this is when compiled code calls it."""
        return self.machine._numba_type_  # type: ignore[attr-defined]


def compiled[**P, R](function: Callable[P, R]) -> Compiled[P, R]:
    """Make a function worth compiling and keeping: its machine code is cached on disk."""
    return Compiled(function, inline=False)


def inlined[**P, R](function: Callable[P, R]) -> Compiled[P, R]:
    """Make a small function that compiled functions take into themselves; it cannot make arrays."""
    return Compiled(function, inline=True)


def warm_up() -> None:
    """Compile from now on whatever is called: for processes that work for long."""
    global _warm  # noqa: PLW0603 - one decision for the whole process
    _warm = True


def _count_numbers(values: tuple[Any, ...]) -> int:
    return sum(
        value.size if isinstance(value, np.ndarray) else _count_numbers(value)
        for value in values
        if isinstance(value, np.ndarray | tuple)
    )
