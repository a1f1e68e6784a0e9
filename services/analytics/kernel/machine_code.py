"""How numba makes machine code of the kernel's functions, and where it is kept.

That is the folder that NUMBA_CACHE_DIR names, else the one beside the source, else one of the user. A folder that
holds such code is used also where it can only be read, as in a container: numba by itself would pass it by and
compile everything anew in each process.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import config, njit
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)


def compile_function(function: FunctionType, *, inline: bool) -> Callable[..., Any]:
    """Return the function compiled, whose code is kept unless it is taken into others; arithmetic is IEEE 754's."""
    # Without memory of its own a step needs no counting of references, which is atomic and costs more than the
    # rest of it.
    options: dict[str, Any] = {"forceinline": True, "_nrt": False} if inline else {"nogil": True}
    compile_: Callable[[Any], Any] = njit(error_model="numpy", **options)
    machine: Any = compile_(function)
    if not inline:
        with suppress(RuntimeError):  # there is no folder that could keep it
            machine._cache = _Kept(function)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `cache=True` does
    found: Callable[..., Any] = machine
    return found


def has_own_folder() -> bool:
    """Return whether NUMBA_CACHE_DIR names the folder."""
    return bool(config.CACHE_DIR)  # type: ignore[attr-defined]


class _Readable:
    """A folder that need not be writable where it holds code already."""

    def ensure_cache_path(self) -> None:
        if next(Path(self.get_cache_path()).glob("*.nbi"), None) is None:  # type: ignore[attr-defined]
            super().ensure_cache_path()  # type: ignore[misc]


class _Given(_Readable, UserProvidedCacheLocator):
    pass


class _Beside(_Readable, InTreeCacheLocator):
    pass


class _Folders(CompileResultCacheImpl):
    _locator_classes = [_Given, _Beside, UserWideCacheLocator]


class _Kept(FunctionCache):
    _impl_class = _Folders

    def save_overload(self, sig: Any, data: Any) -> None:
        # It may be code for arguments, or for a processor, that nobody built it for.
        with suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
