"""Loops over bytes, compiled when they first run (numba): for what no column operation can do.

The machine code is kept beside the source, or in the user's cache folder where that is read-only
(``NUMBA_CACHE_DIR`` names another), under the hash of the source file: it never outlives a change.
So a compiled function calls others of its own file alone. Where nothing can be written it is
compiled anew in each process. Import this, and what uses it, only where WAL or pages are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """The same function, as machine code: of numbers, and arrays of numbers, alone."""
    try:
        return cast("_Function", numba.njit(cache=True)(function))
    except RuntimeError:  # no folder to keep it in
        return cast("_Function", numba.njit(function))
