"""Texts that stand in one buffer of bytes, as a column, by their places and without a copy.

A column of texts is, to Arrow, a row of views: a length, the first four bytes and where the rest
stands, or twelve bytes in the view itself (Arrow columnar format, "Variable-size Binary View
Layout"). numpy writes these views, and polars takes them by Arrow's C data interface, which needs
no library of Arrow's.
"""

from __future__ import annotations

import ctypes as c
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from collectors import letgo as let_go

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Places = npt.NDArray[np.int64]

MOST = 2**31 - 16
"""Bytes of a buffer that a view can point into."""
_INLINE, _WORD = 12, 4
"""Bytes that stand in the view itself, and of its first part where they do not."""


class _Schema(c.Structure):
    """``struct ArrowSchema``."""


class _Array(c.Structure):
    """``struct ArrowArray``."""


_Schema._fields_ = [
    ("format", c.c_char_p), ("name", c.c_char_p), ("metadata", c.c_char_p), ("flags", c.c_int64),
    ("n_children", c.c_int64), ("children", c.c_void_p), ("dictionary", c.c_void_p),
    ("release", c.c_void_p), ("private_data", c.c_void_p),
]  # fmt: skip
_Array._fields_ = [
    ("length", c.c_int64), ("null_count", c.c_int64), ("offset", c.c_int64),
    ("n_buffers", c.c_int64), ("n_children", c.c_int64), ("buffers", c.POINTER(c.c_void_p)),
    ("children", c.c_void_p), ("dictionary", c.c_void_p), ("release", c.c_void_p),
    ("private_data", c.c_void_p),
]  # fmt: skip
_capsule = c.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]
_held: list[tuple[npt.NDArray[np.int64], tuple[object, ...]]] = []
"""What the columns that are alive point into, each behind a number: 1 once its column is gone."""
_guard = Lock()
"""What one thread adds while another one sweeps must not be lost: a column points there."""


class _Views:
    """What polars asks for a column."""

    def __init__(self, views: npt.NDArray[np.uint64], data: Bytes) -> None:
        self._size = np.array([data.size], np.int64)
        buffers = (c.c_void_p * 4)(*(None, *(b.ctypes.data for b in (views, data, self._size))))
        self._schema = _Schema(b"vu", b"", None, 0, 0, None, None, let_go.SCHEMA.address, None)
        gone = np.zeros(1, np.int64)
        with _guard:
            _held.append((gone, (views, data, self._size, buffers)))
        pointer = c.cast(buffers, c.POINTER(c.c_void_p))
        self._array = _Array(
            len(views), 0, 0, 4, 0, pointer, None, None, let_go.ARRAY.address, gone.ctypes.data
        )

    def __arrow_c_array__(self, _requested: object = None) -> tuple[object, object]:
        schema, array = c.addressof(self._schema), c.addressof(self._array)
        return _capsule(schema, b"arrow_schema", None), _capsule(array, b"arrow_array", None)


def texts(data: Bytes, first: Places, length: Places) -> pl.Series:
    """The texts at these places. The caller has seen that each is UTF-8.

    Raises:
        ValueError: a place is outside the buffer, or the buffer too large.
    """
    if not len(first):
        return pl.Series(dtype=pl.String)
    if data.size > MOST or (first < 0).any() or (length < 0).any():
        raise ValueError("places")
    if (first + length > data.size).any():
        raise ValueError("places outside of the buffer")
    if data.size < _INLINE:  # too short to look at by words
        data = np.concatenate([data, np.zeros(_INLINE, np.uint8)])
    views = np.zeros((len(first), 16), np.uint8)
    words = views.view(np.uint32)
    words[:, 0] = length
    # Four bytes from each place on, wherever it is; at the buffer's end from before it, moved.
    every = np.ndarray((data.size - _WORD + 1,), "<u4", data, strides=(1,))
    last = data.size - _WORD
    long = length > _INLINE
    for at in range(1, 4):
        place = first + (at - 1) * _WORD
        if at > 1 and long.all():
            break
        start = np.minimum(place, last)
        word = every[start].astype(np.uint64) >> ((place - start).clip(0, _WORD) * 8).astype(
            np.uint64
        )
        kept = (length - (at - 1) * _WORD).clip(0, _WORD).astype(np.uint64)
        words[:, at] = word & ((np.uint64(1) << (kept * np.uint64(8))) - np.uint64(1))
    words[long, 2] = 0
    words[long, 3] = first[long]
    return seen(data, words.view(np.uint64))


def seen(data: Bytes, views: npt.NDArray[np.uint64]) -> pl.Series:
    """A column by views that are there already, two numbers a row; nothing of them is checked."""
    sweep()
    return pl.Series(_Views(views, data))


def sweep() -> None:
    """Let go of bytes of which no column is left."""
    with _guard:
        _held[:] = [one for one in _held if not one[0][0]]
