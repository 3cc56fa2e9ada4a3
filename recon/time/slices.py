"""Offsets laid on one axis and cut into slices of time, and their closure slice by slice.

A slice knows nothing of the others, so they are closed a few at a time: as many as a processor's
own cache has room for, since each is gone through once for every clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.time.consensus import OPEN

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Table = NDArray[np.int64]

Row = tuple[str, str, int, int, int | None, int | None]
"""``first``, ``second``, ``since``, ``until``, ``low``, ``high`` of a row of offsets."""
_COLUMNS = ("first", "second", "since", "until", "low", "high")
_AT_ONCE = 2**15
"""Cells that are closed together: 256 KiB, and as much again."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Rows of offsets, the clocks that they speak of, and the slices that each reaches over."""

    rows: Sequence[Row]
    clocks: Sequence[str]
    """Sorted."""
    cuts: Table
    """µs on the axis, ascending: slice *n* reaches from cut *n* to the next."""
    begin: Table
    """Of each row the first slice that it reaches over."""
    end: Table
    """Of each row the first slice after it."""
    ends: Table
    """[row, 2]: places of both clocks."""

    @classmethod
    def of(cls, offsets: pl.DataFrame, axis: Mapping[str, int]) -> Slices:
        """Cut where any row begins or ends; ``axis``: µs by clock, taken from its readings."""
        import numpy as np

        rows = offsets.select(_COLUMNS).rows()
        clocks = sorted({*offsets["first"], *offsets["second"]})
        place = {clock: number for number, clock in enumerate(clocks)}
        ends = np.array([(place[row[0]], place[row[1]]) for row in rows], dtype=np.int64)
        shift = np.array([axis[row[0]] for row in rows], dtype=np.int64)
        since = offsets["since"].to_numpy() - shift
        until = np.maximum(offsets["until"].to_numpy() - shift, since + 1)
        cuts = np.unique(np.concatenate([since, until]))
        begin, end = np.searchsorted(cuts, since), np.searchsorted(cuts, until)
        return cls(rows, clocks, cuts, begin, end, ends.reshape(-1, 2))

    def over(self, layer: int) -> NDArray[np.bool_]:
        """Which rows reach over a slice."""
        found: NDArray[np.bool_] = (self.begin <= layer) & (self.end > layer)
        return found

    def closed(self, layers: Sequence[int] | Table | None = None) -> Table:
        """µs, [slice, tail, head]: D(head) − D(tail) is at most that; OPEN: not bounded.

        Of the given slices, ascending; None: of all, and of a time of which nothing is known.
        """
        import numpy as np

        wanted = np.arange(max(len(self.cuts), 1)) if layers is None else np.asarray(layers)
        many = len(self.clocks)
        table = np.full((len(wanted), many, many), OPEN, dtype=np.int64)
        first, last = np.searchsorted(wanted, [self.begin, self.end])
        size = max(_AT_ONCE // max(many * many, 1), 1)
        through = np.empty((size, many, many), dtype=np.int64)
        weights = self._weights()
        for start in range(0, len(wanted), size):
            part = table[start : start + size]
            _fill(part, *weights, np.clip(first - start, 0, len(part)), last - start)
            _close(part, through[: len(part)])
        table[table > OPEN // 2] = OPEN
        if layers is None:
            table[-1] = OPEN
        return table

    def _weights(self) -> tuple[Table, Table]:
        """[row, 2]: cells of a layer, and what each row says there; OPEN: nothing."""
        import numpy as np

        first, second = self.ends.T
        many = len(self.clocks)
        cells = np.stack([first * many + second, second * many + first], axis=1)
        weights = [
            (OPEN if high is None else high, OPEN if low is None else -low)
            for _, _, _, _, low, high in self.rows
        ]
        return cells, np.array(weights, dtype=np.int64).reshape(-1, 2)


def _fill(part: Table, cells: Table, weights: Table, first: Table, last: Table) -> None:
    """Tightest of the rows, each over its layers from ``first`` up to ``last``, cut to the part."""
    import numpy as np

    count = np.minimum(last, len(part)) - first
    own = np.flatnonzero(count > 0)
    count = count[own]
    row = np.repeat(own, count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    at = (first[row] + within) * part[0].size
    flat = part.reshape(-1)
    for way in (0, 1):
        np.minimum.at(flat, at + cells[row, way], weights[row, way])
    same = np.arange(part.shape[1])
    part[:, same, same] = 0


def _close(part: Table, through: Table) -> None:
    """All shortest paths (Floyd 1962), in place; ``through``: room for as many numbers."""
    import numpy as np

    for middle in range(part.shape[1]):
        # Round a cycle that misses itself a sum doubles with every clock.
        to = np.maximum(part[:, :, middle], -OPEN)
        on = np.maximum(part[:, middle, :], -OPEN)
        np.add(to[:, :, None], on[:, None, :], out=through)
        np.minimum(part, through, out=part)
    np.maximum(part, -OPEN, out=part)
