"""Loops over bytes of WAL and pages, compiled as :mod:`collectors.compiled` does it.

``python -m collectors.postgres.compiled`` compiles all there are. Import this, and what uses it,
only where WAL or pages are read.
"""

from __future__ import annotations

from pathlib import Path

from collectors import compiled as shared
from collectors.compiled import (
    BYTE_ROWS,
    BYTES,
    FLAG,
    FLAG_ROWS,
    FLAGS,
    FOUR,
    HALF_ROWS,
    HALVES,
    INT,
    INT_ROWS,
    INTS,
    NUMBER,
    NUMBER_ROWS,
    NUMBERS,
    SHORTS,
    THREE,
    TWO,
    compiled,
    has_feature,
    make,
)

__all__ = [
    "BYTES", "BYTE_ROWS", "FLAG", "FLAGS", "FLAG_ROWS", "FOUR", "HALF_ROWS", "HALVES", "INT",
    "INTS", "INT_ROWS", "MODULES", "NUMBER", "NUMBERS", "NUMBER_ROWS", "SHORTS", "THREE", "TWO",
    "compiled", "has_feature", "make",
]  # fmt: skip

MODULES = (
    *(f"collectors.postgres.wal.{name}" for name in ("walk", "stream", "crc", "trail")),
    *(f"collectors.postgres.wal.{name}" for name in ("firstblock", "blocks", "plainlines")),
    "collectors.postgres.wal.lsntext",
    *(f"collectors.postgres.heap.{name}" for name in ("held", "replay", "prune", "commits")),
    *(f"collectors.postgres.heap.{name}" for name in ("versions", "deform", "render", "digits")),
    "collectors.postgres.heap.wording",
)
"""All that have such loops."""

_HERE = Path(__file__).parent
shared.together(
    _HERE,
    [
        Path(__file__),
        *(_HERE.joinpath(*one.split(".")[2:]).with_suffix(".py") for one in MODULES),
    ],
)

if __name__ == "__main__":
    shared.main("collectors.postgres.compiled", MODULES)
