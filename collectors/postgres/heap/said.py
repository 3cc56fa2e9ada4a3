"""What tuples of one table say, as columns of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.heap import deform, render
from collectors.postgres.heap.deform import Cells
from collectors.postgres.heap.model import Gap, Value
from collectors.postgres.heap.tuples import BEHIND, MORE, UNREADABLE, Decoder, Fetch
from collectors.postgres.heap.varlena import Packed, take

Numbers = npt.NDArray[np.int64]

_GAPS = {deform.UNREADABLE: UNREADABLE, deform.BEHIND: BEHIND, deform.MORE: MORE}


@dataclass(frozen=True, slots=True)
class Texts:
    """A column. Where it is null there is SQL's null, no tuple, or a gap."""

    text: pl.Series
    gaps: Mapping[int, Gap]
    """By row."""

    def at(self, row: int) -> Value:
        """One of them."""
        found: Value = self.gaps.get(row) or self.text[row]
        return found


@dataclass(slots=True)
class Said:
    """Values of some tuples, rendered column by column as they are asked for."""

    decoder: Decoder
    cells: Cells
    fetch: Fetch
    _outside: dict[tuple[int, int], Value] = field(default_factory=dict)
    """Values that were fetched from the TOAST table, by column and row."""

    @classmethod
    def of(cls, decoder: Decoder, tuples: deform.Bytes, places: Numbers, fetch: Fetch) -> Said:
        """``places`` of tuples as in :mod:`.slots`; below 0: there is none."""
        return cls(decoder, deform.deform(decoder.table, tuples, places), fetch)

    def outside(self, column: int, rows: Numbers) -> Iterator[tuple[int, Callable[[], None]]]:
        """Rows of values in the TOAST table, and what fetches each.

        To be called when the chunks are at hand that came before the row, and no others.
        """
        theirs = rows[self.cells.state[column, rows] == deform.POINTER]
        for row in theirs.tolist():

            def fetch(row: int = row) -> None:
                self._outside[column, row] = self._value(column, row)

            yield row, fetch

    def texts(self, column: int, rows: Numbers) -> Texts:
        """One column of some rows."""
        state = self.cells.state[column, rows]
        kind = render.kind_of(self.decoder.table.columns[column].type)
        usual = np.flatnonzero(state == deform.VALUE) if kind is not None else rows[:0]
        text = pl.Series([], dtype=pl.String)
        odd = np.flatnonzero((state != deform.NULL) & (state != deform.ABSENT))
        if kind is not None and len(usual):
            cells, theirs = self.cells, rows[usual]
            text, left = render.texts(
                kind, cells.tuples, cells.at[column, theirs], cells.size[column, theirs]
            )
            if len(usual) == len(rows) and not len(left):
                return Texts(text, {})
            odd = np.setdiff1d(odd, np.delete(usual, left), assume_unique=True)
        place = np.full(len(rows), -1, np.int64)
        place[usual] = np.arange(len(usual))
        place[odd] = len(usual) + np.arange(len(odd))
        # Value by value: what is not usual.
        values = [self._said(column, row) for row in rows[odd].tolist()]
        gaps = {
            at: one for at, one in zip(odd.tolist(), values, strict=True) if isinstance(one, Gap)
        }
        more = pl.Series([one if isinstance(one, str) else None for one in values], dtype=pl.String)
        chosen = pl.Series(place)
        return Texts(pl.concat([text, more]).gather(chosen.set(chosen < 0, None)), gaps)

    def _said(self, column: int, row: int) -> Value:
        if (column, row) in self._outside:
            return self._outside[column, row]
        return self._value(column, row)

    def _value(self, column: int, row: int) -> Value:
        state = int(self.cells.state[column, row])
        if state == deform.MISSING:
            return self.decoder.table.columns[column].missing
        if state in _GAPS:
            return _GAPS[state]
        piece = self.cells.piece(column, row)
        if state == deform.POINTER:
            return self.decoder.said(column, take(piece, 0, 0)[0], self.fetch)
        return self.decoder.said(column, Packed(piece) if state == deform.PACKED else piece)
