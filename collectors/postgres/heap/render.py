"""Stored values of the most usual types to their text, whole columns at a time.

The same text as :mod:`.types`, :mod:`.times` and :mod:`.numeric` give value by value. What is not
usual is left to them: other types, infinite times and those outside the years 1 to 9999, text with
a zero byte or in another encoding than UTF-8, values of the wrong size.
"""

from __future__ import annotations

from typing import NamedTuple

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


NULL, ODD = -1, -2
"""In place of a size: SQL's null, or nothing; a value that is not among these."""


class Raw(NamedTuple):
    """Texts, each with a zero byte behind it: where they begin, and their sizes, or NULL, or ODD.

    Of several columns ``at`` and ``size`` have a row each.
    """

    text: Bytes
    at: Numbers
    size: Numbers


def kind_of(of: Type) -> int | None:
    """Which of these a type is; None: none."""
    return _KINDS.get(of.name) if of.labels is None and of.element is None else None


def rendered_at(kind: int, source: Bytes, at: Numbers, size: Numbers) -> tuple[Raw, Numbers]:
    """The values at these places; and which of them are left out (ODD there)."""
    out, ends, odd = _rendered(kind, source, at, size, ascii_only=False)
    if pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String, strict=False)[0] is None:
        # One value in another encoding: all that are not plain ASCII are looked at by themselves.
        out, ends, odd = _rendered(kind, source, at, size, ascii_only=True)
    begins = np.append(0, ends + 1)[:-1]
    sizes = ends - begins
    sizes[odd] = ODD
    return Raw(out, begins, sizes), odd


def _rendered(
    kind: int, source: Bytes, at: Numbers, size: Numbers, *, ascii_only: bool
) -> tuple[Bytes, Numbers, Numbers]:
    odd, ends = np.zeros(len(at), np.bool_), np.empty(len(at), np.int64)
    out = np.empty(40 * len(at) + 32_768, np.uint8)
    state = np.zeros(2, np.int64)
    while rendered(kind, source, at, size, odd, ascii_only, ends, out, state) < len(at):
        more = len(out) + 2 * int(size[state[0]])
        out = np.concatenate([out, np.empty(more, np.uint8)])
    return out[: state[1]], ends, np.flatnonzero(odd)
