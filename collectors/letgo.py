"""What polars calls once a column of ours is gone: machine code, that needs no Python.

A function of Python's could not be called while an error is on its way, and columns go just then.
"""

from __future__ import annotations

import ctypes
from typing import Any

from llvmlite import ir
from numba import carray, cfunc, types
from numba.extending import intrinsic

_CELLS = types.CPointer(types.int64)
_RELEASE_SCHEMA, _RELEASE_ARRAY, _PRIVATE = 7, 8, 9
"""Cells of eight bytes of Arrow's structures."""


@intrinsic
def _cells(_context: Any, _address: Any) -> tuple[Any, Any]:
    """An address as what stands there."""

    def made(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())

    return _CELLS(types.int64), made


@cfunc(types.void(_CELLS), cache=True)
def SCHEMA(schema: Any) -> None:  # noqa: N802  (a value: of this function only the address is used)
    """Say that the schema is released: it holds nothing."""
    carray(schema, 9)[_RELEASE_SCHEMA] = 0


@cfunc(types.void(_CELLS), cache=True)
def ARRAY(array: Any) -> None:  # noqa: N802
    """Say that the array is released, there and where its private pointer points."""
    cells = carray(array, 10)
    carray(_cells(cells[_PRIVATE]), 1)[0] = 1
    cells[_RELEASE_ARRAY] = 0


# A column may be there for longer than this module.
for _one in (SCHEMA, ARRAY):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_one))
