"""Where the records of a run begin, as a first look found and checked them.

A second look at the same segments goes by it: pages are not checked again, records not walked and
not held to their CRC-32C again. Four bytes a record, in a temporary file.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import FLAGS, HALVES, INT, INTS, NUMBERS, compiled
from collectors.postgres.wal.layout import LONG_HEADER, PAGE_HEADER
from collectors.postgres.wal.pages import Bytes, Pages, joined
from collectors.postgres.wal.segment import Checked

WORD = 8
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Starts = npt.NDArray[np.uint32]

_ALL = -1
"""Of a step: all of it goes on with a record that began before."""


class _Step(NamedTuple):
    """A block of pages."""

    segment: int
    """Which of the run."""
    first: int
    """Number of its first page."""
    pages: int
    carried: int
    """Bytes of its text that came before it."""
    records: int
    """How many end in it, or :data:`_ALL`."""
    kept: int
    """Bytes at the end of its text that the next one begins with."""


@dataclass(frozen=True, slots=True)
class Look:
    """Some whole records that end in one block. Words count from the start of ``text``."""

    text: Bytes
    words: Words
    """The text, little-endian."""
    place: int
    """Of the text's first byte: see :meth:`~collectors.postgres.wal.layout.Geometry.place`."""
    starts: Numbers
    lengths: Numbers


@dataclass(slots=True, weakref_slot=True, eq=False)
class Trail:
    """Of one run, in the order of its blocks."""

    _steps: list[_Step] = field(default_factory=list)
    _file: IO[bytes] | None = None

    def passed(self, index: int, one: Checked, pages: Pages) -> None:
        """A block in which no record ends, and all of which belongs to one."""
        self._steps.append(_Step(index, *pages.span(one), 0, _ALL, 0))

    def took(  # noqa: PLR0913  (each is named by the caller)
        self, index: int, one: Checked, pages: Pages, *, carried: int, starts: Numbers, kept: int
    ) -> None:
        """A block with records, and bytes of its text from before it and for the next one."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="recon-wal-")  # noqa: SIM115  (goes with this)
            weakref.finalize(self, self._file.close)
        self._file.write(starts.astype(np.uint32).tobytes())
        self._steps.append(_Step(index, *pages.span(one), carried, len(starts), kept))

    def again(self, run: Sequence[Checked], wanted: npt.NDArray[np.bool_]) -> Iterator[Look]:
        """The records of the kinds that are wanted: resource manager times 256, and info."""
        carry: list[Bytes] = []
        place = 0
        for step in self._steps:
            one = run[step.segment]
            before = carry if step.records != _ALL else []
            text = _text(one, step, before)
            if step.records == _ALL:
                carry.append(text)
                continue
            header = PAGE_HEADER if step.first else LONG_HEADER
            lsn = one.start + step.first * one.geometry.page + header.size
            place_ = one.geometry.place(lsn) - step.carried
            words = text[: len(text) // WORD * WORD].view(np.uint64)
            carry = [text[len(text) - step.kept :].copy()] if step.kept else []
            starts = self._starts(place, step.records)
            place += step.records
            at, lengths = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
            count = _picked(words, starts, wanted, at, lengths)
            if count:
                yield Look(text, words, place_, at[:count], lengths[:count])

    def _starts(self, place: int, count: int) -> Starts:
        if self._file is None or not count:
            return np.empty(0, np.uint32)
        self._file.seek(4 * place)
        return np.frombuffer(self._file.read(4 * count), np.uint32).copy()


def _text(one: Checked, step: _Step, carry: Sequence[Bytes]) -> Bytes:
    """The block without page headers, behind what is carried along."""
    page = one.geometry.page
    raw = np.fromfile(one.segment.path, np.uint8, step.pages * page, offset=step.first * page)
    header = PAGE_HEADER if step.first else LONG_HEADER
    whole = raw.reshape(step.pages, page)
    return joined(whole[:1].reshape(-1)[header.size :], whole[1:], carry)


@compiled(INT(NUMBERS, HALVES, FLAGS, INTS, INTS))
def _picked(
    words: Words,
    starts: Starts,
    wanted: npt.NDArray[np.bool_],
    at: Numbers,
    lengths: Numbers,
) -> int:
    """How many there are: they fill the last columns."""
    count = 0
    for index in range(len(starts)):
        start = np.int64(starts[index])
        if start + 3 <= len(words) and wanted[words[start + 2] & np.uint64(0xFFFF)]:
            length = np.int64(words[start] & np.uint64(0xFFFFFFFF))
            # Whoever writes to evidence between two looks gets no further than its end.
            if start + ((length + 7) >> 3) <= len(words):
                at[count], lengths[count] = start, length
                count += 1
    return count
