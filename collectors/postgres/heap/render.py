"""Stored values of the most usual types to their text, whole columns at a time.

The same text as :mod:`.types`, :mod:`.times` and :mod:`.numeric` give value by value. What is not
usual is left to them: other types, infinite times and those outside the years 1 to 9999, text with
a zero byte or in another encoding than UTF-8, values of the wrong size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.heap.digits import (
    BOOL,
    BYTEA,
    DATE,
    NUMERIC,
    SIGNED,
    STAMP,
    STAMP_TZ,
    TEXT,
    TIME,
    UNSIGNED,
    UUID,
    rendered,
)
from collectors.postgres.heap.model import Type
from collectors.postgres.wal.lsntext import split

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_KINDS = {
    **dict.fromkeys(("text", "varchar", "bpchar", "json", "refcursor", "pg_node_tree"), TEXT),
    **dict.fromkeys(("int2", "int4", "int8"), SIGNED),
    **dict.fromkeys(("oid", "xid", "cid", "xid8"), UNSIGNED),
    "bool": BOOL,
    "numeric": NUMERIC,
    "date": DATE,
    "time": TIME,
    "timestamp": STAMP,
    "timestamptz": STAMP_TZ,
    "uuid": UUID,
    "bytea": BYTEA,
}


def kind_of(of: Type) -> int | None:
    """Which of these a type is; None: none."""
    return _KINDS.get(of.name) if of.labels is None and of.element is None else None


def texts(kind: int, source: Bytes, at: Numbers, size: Numbers) -> tuple[pl.Series, Numbers]:
    """The values at these places; and which of them are left out (empty there)."""
    out, odd = _rendered(kind, source, at, size, ascii_only=False)
    whole = pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String, strict=False)
    if whole[0] is None:
        # One value in another encoding: all that are not plain ASCII are looked at by themselves.
        out, odd = _rendered(kind, source, at, size, ascii_only=True)
        whole = pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String)
    return split(whole, len(at)), odd


def _rendered(
    kind: int, source: Bytes, at: Numbers, size: Numbers, *, ascii_only: bool
) -> tuple[Bytes, Numbers]:
    odd = np.zeros(len(at), np.bool_)
    out = np.empty(40 * len(at) + 32_768, np.uint8)
    state = np.zeros(2, np.int64)
    while rendered(kind, source, at, size, odd, ascii_only, out, state) < len(at):
        more = len(out) + 2 * int(size[state[0]])
        out = np.concatenate([out, np.empty(more, np.uint8)])
    return out[: state[1]], np.flatnonzero(odd)
