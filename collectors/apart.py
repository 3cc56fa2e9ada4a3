"""Lines of a large file taken apart by their shapes where they lie: no text is made of a line.

What the loop of :mod:`collectors.shapeloops` finds is what the pattern of a shape finds, for a
third of the time; but numba has to be there, which takes a second at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from collectors import shapeloops as loops
from collectors import spans
from collectors.reading import has_digest
from collectors.shapes import Shape, shape, tried

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Ints = npt.NDArray[np.int64]

_KINDS = {
    "literal": loops.LITERAL,
    "string": loops.TEXT,
    "number": loops.NUMBER,
    "word": loops.WORD,
}
_DIGESTS = (40, 64)
MORE = 7
"""Bytes behind a text, so that eight can be looked at from each of its own on."""


@dataclass(slots=True)
class Lines:
    """Bytes of which all is UTF-8, and where their lines stand."""

    data: Bytes
    """With seven bytes more behind the last line."""
    size: int
    starts: Ints
    ends: Ints
    placed: bool = False
    """Whether it is known where they stand."""

    @classmethod
    def of(cls, data: bytes, size: int, rows: int) -> Lines:
        """The lines of bytes, of which :data:`MORE` more are given than there are."""
        places = np.zeros((2, rows), np.int64)
        return cls(np.frombuffer(data, np.uint8), size, places[0], places[1])

    def text(self, at: Ints | slice) -> pl.Series:
        """Some of the lines."""
        return spans.texts(self.data, self.starts[at], self.ends[at] - self.starts[at])


def read(
    lines: Lines, keys: Sequence[str], known: list[Shape]
) -> tuple[list[tuple[Shape, pl.DataFrame, list[str] | None]], Ints]:
    """As :func:`collectors.shapes.read_shapes`; with each shape what ``bare_columns`` says."""
    left = np.arange(len(lines.starts))
    found: list[tuple[Shape, pl.DataFrame, list[str] | None]] = []
    for one in list(known):
        if len(left):
            left = _match(one, lines, left, keys, found)
    for _ in tried(known):
        if not len(left):
            break
        new = shape(_first(lines, left), keys)
        before = len(left)
        if new is not None:
            left = _match(new, lines, left, keys, found)
        if new is None or len(left) == before:
            break
        known.append(new)
    return found, left


def _first(lines: Lines, left: Ints) -> str:
    if lines.placed:
        return str(lines.text(left[:1])[0])
    return lines.data[: lines.size].tobytes().partition(b"\n")[0].decode()


def _match(
    one: Shape,
    lines: Lines,
    left: Ints,
    keys: Sequence[str],
    found: list[tuple[Shape, pl.DataFrame, list[str] | None]],
) -> Ints:
    groups = len(one.groups) if " " not in one.groups else 0
    letters, steps = _steps(one)
    hits = np.zeros(len(left), np.bool_)
    views = np.empty((groups * len(left), 2), np.uint64)
    facts = np.zeros((groups, 3), np.int64)
    facts[:, loops.SHORTEST] = lines.data.size
    own = np.frombuffer(letters + bytes(MORE), np.uint8)
    starts, ends = lines.starts, lines.ends
    if lines.placed:
        starts, ends = starts[left], ends[left]
    count = loops.taken_apart(
        lines.data, _eights(lines.data), 0 if lines.placed else lines.size, starts, ends,
        own, _eights(own), np.array(steps, np.int64),
        hits, views, np.empty((groups, 2), np.int64), facts,
    )  # fmt: skip
    lines.placed = True
    if not count:
        return left
    columns = {}
    for name, group in one.groups.items() if groups else ():
        first = (group - 1) * len(left)
        columns[name] = spans.seen(lines.data, views[first : first + count])
    nothing = pl.repeat(None, count, dtype=pl.String, eager=True)
    columns |= {f"={key}": nothing for key in keys if f"={key}" not in columns}
    bare = _bare(one, columns, facts) if one.whole else None
    at_ = pl.Series("at", left[hits] if count < len(left) else left)
    frame = pl.DataFrame([at_, *(series.alias(name) for name, series in columns.items())])
    found.append((one, frame, bare))
    return left[~hits]


def _steps(one: Shape) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    """All letters, and the steps of the loop: what is literal is one step as far as it goes."""
    letters = b""
    steps: list[tuple[int, int, int, int]] = []
    for kind, text, group in one.steps:
        own = text.encode()
        letters += own
        if kind != "literal":
            steps.append((_KINDS[kind], 0, 0, group - 1))
        elif steps and steps[-1][0] == loops.LITERAL:
            _, at, size, _ = steps[-1]
            steps[-1] = (loops.LITERAL, at, size + len(own), -1)
        elif own:
            steps.append((loops.LITERAL, len(letters) - len(own), len(own), -1))
    return letters, steps


def _eights(data: Bytes) -> npt.NDArray[np.uint64]:
    """Eight bytes from each byte on, as a number."""
    return np.ndarray((data.size - MORE,), "<u8", data, strides=(1,))


def _bare(one: Shape, columns: dict[str, pl.Series], facts: Ints) -> list[str] | None:
    found = []
    for name in one.texts:
        shortest, longest, odd = facts[one.groups[name] - 1]
        if longest < min(_DIGESTS):
            continue
        if shortest == longest and shortest in _DIGESTS and not odd:
            found.append(name)
        elif has_digest(columns[name]):
            return None
    return found
