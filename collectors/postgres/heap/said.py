"""What tuples of one table say, as columns of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.heap import deform, render
from collectors.postgres.heap.deform import Cells
from collectors.postgres.heap.digits import has_run
from collectors.postgres.heap.model import Gap, Value
from collectors.postgres.heap.render import Raw
from collectors.postgres.heap.tuples import BEHIND, MORE, UNREADABLE, Decoder, Fetch
from collectors.postgres.heap.varlena import Packed, take
from collectors.postgres.wal.lsntext import split

Numbers = npt.NDArray[np.int64]

_GAPS = {deform.UNREADABLE: UNREADABLE, deform.BEHIND: BEHIND, deform.MORE: MORE}


@dataclass(frozen=True)
class Texts:
    """A column."""

    raw: Raw
    """Those that are usual, and NULL for SQL's null and where there is no tuple."""
    odd: Mapping[int, Value]
    """By row: those that are not."""

    @cached_property
    def text(self) -> pl.Series:
        """Where it is null there is SQL's null, no tuple, or a gap."""
        raw = self.raw
        whole = pl.Series([raw.text.tobytes()], dtype=pl.Binary).cast(pl.String)
        usual = np.flatnonzero(raw.size >= 0)
        texts = split(whole, len(raw.size) if len(usual) == len(raw.size) else self._count)
        if len(usual) == len(raw.size):
            return texts
        place = np.full(len(raw.size), -1, np.int64)
        at = np.cumsum(raw.text == 0)
        place[usual] = np.where(raw.at[usual] > 0, at[raw.at[usual] - 1], 0)
        place[list(self.odd)] = self._count + np.arange(len(self.odd))
        values = [one if isinstance(one, str) else None for one in self.odd.values()]
        chosen = pl.Series(place)
        every = pl.concat([texts, pl.Series(values, dtype=pl.String)])
        return every.gather(chosen.set(chosen < 0, None))

    @property
    def _count(self) -> int:
        return int(np.count_nonzero(self.raw.text == 0))

    @property
    def gaps(self) -> dict[int, Gap]:
        """By row."""
        return {row: one for row, one in self.odd.items() if isinstance(one, Gap)}

    def may_hold(self, pattern: re.Pattern[str], least: int) -> bool:
        """Whether there are so many hexadecimal digits in a row, which the pattern finds."""
        return has_run(self.raw.text, least) or any(
            isinstance(one, str) and pattern.search(one) for one in self.odd.values()
        )

    def at(self, row: int) -> Value:
        """One of them."""
        found: Value = self.odd[row] if row in self.odd else self.text[row]
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
        size = np.full(len(rows), render.ODD, np.int64)
        size[(state == deform.NULL) | (state == deform.ABSENT)] = render.NULL
        at, text = np.zeros(len(rows), np.int64), np.empty(0, np.uint8)
        if kind is not None and len(usual):
            cells, theirs = self.cells, rows[usual]
            raw, _ = render.rendered_at(
                kind, cells.tuples, cells.at[column, theirs], cells.size[column, theirs]
            )
            text, at[usual], size[usual] = raw
        # Value by value: what is not usual.
        odd = np.flatnonzero(size == render.ODD)
        values = {place: self._said(column, int(rows[place])) for place in odd.tolist()}
        return Texts(Raw(text, at, size), values)

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
