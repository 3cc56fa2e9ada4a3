"""Where the records of a run begin, as a first look found and checked them.

A second look at the same segments goes by it: pages are not checked again, and records not walked.
Each is held to its CRC-32C again, since a file may change between the looks, or be cut short. Then
nothing more is read of that segment, and the next one goes on. Four bytes a record, in a temporary
file.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import FLAGS, HALVES, INT, INTS, NUMBERS, compiled
from collectors.postgres.wal.crc import intact
from collectors.postgres.wal.firstblock import marked, marks
from collectors.postgres.wal.layout import LONG_HEADER, PAGE_HEADER, RECORD_HEADER
from collectors.postgres.wal.pages import Bytes, Pages, joined
from collectors.postgres.wal.segment import Checked

if TYPE_CHECKING:
    from collectors.postgres.wal.stream import Part

WORD = 8
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Starts = npt.NDArray[np.uint32]

_HEADER = RECORD_HEADER.size
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
    files: bytes
    """:func:`~collectors.postgres.wal.firstblock.marks` of its records."""


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


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a segment is no longer what it was at the first look."""

    segment: int
    """Which of the run."""
    lsn: int
    found: str


class _Changed(Exception):  # noqa: N818  (caught below)
    """What is there instead of a block of pages."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Trail:
    """Of one run, in the order of its blocks."""

    _steps: list[_Step] = field(default_factory=list)
    _file: IO[bytes] | None = None

    def passed(self, index: int, one: Checked, pages: Pages) -> None:
        """A block in which no record ends, and all of which belongs to one."""
        self._steps.append(_Step(index, *pages.span(one), 0, _ALL, 0, b""))

    def took(self, one: Checked, pages: Pages, part: Part, *, carried: int, kept: int) -> None:
        """A block with records, and bytes of its text from before it and for the next one."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="recon-wal-")  # noqa: SIM115  (goes with this)
            weakref.finalize(self, self._file.close)
        self._file.write(part.starts.astype(np.uint32).tobytes())
        files = marks(part.words, part.starts, part.lengths, part.kind, one.major)
        count = len(part.starts)
        self._steps.append(_Step(part.index, *pages.span(one), carried, count, kept, files))

    def again(
        self, run: Sequence[Checked], wanted: npt.NDArray[np.bool_], numbers: Starts
    ) -> Iterator[Look | Fault]:
        """The records of the kinds that are wanted: resource manager times 256, and info.

        ``numbers``: of the files that are wanted. Blocks that have none of them are not read.
        """
        carry: list[Bytes] = []
        place, bad = 0, -1
        for step, needed in zip(self._steps, self._needed(numbers), strict=True):
            if not needed:
                carry = []
                place += max(step.records, 0)
                continue
            one = run[step.segment]
            starts = self._starts(place, step.records)
            place += len(starts)
            if step.segment == bad:
                carry = []
                continue
            if step.records != _ALL and sum(map(len, carry)) != step.carried:
                # The segment before ended early: what began there is lost.
                carry = [np.zeros(step.carried, np.uint8)]
                starts = starts[starts >= -(-step.carried // WORD)]
            header = PAGE_HEADER if step.first else LONG_HEADER
            lsn = one.start + step.first * one.geometry.page + header.size
            try:
                text = _text(one, step, carry if step.records != _ALL else [])
            except _Changed as changed:
                yield Fault(step.segment, lsn, str(changed))
                carry, bad = [], step.segment
                continue
            if step.records == _ALL:
                carry.append(text)
                continue
            at = one.geometry.place(lsn) - step.carried
            words = text[: len(text) // WORD * WORD].view(np.uint64)
            carry = [text[len(text) - step.kept :].copy()] if step.kept else []
            good, chosen, lengths = _good(words, starts, wanted)
            if len(chosen):
                yield Look(text, words, at, chosen, lengths)
            if good < len(starts):
                lsn = one.geometry.lsn(at + int(starts[good]) * WORD)
                yield Fault(step.segment, lsn, "a record whose CRC-32C does not fit")
                carry, bad = [], step.segment

    def _needed(self, numbers: Starts) -> list[bool]:
        """Which blocks may have records of some files, or the beginning of one."""
        found = []
        before = False
        for step in reversed(self._steps):
            here = before or (step.records != _ALL and marked(step.files, numbers))
            found.append(here)
            before = here and (step.carried > 0 or step.records == _ALL)
        return found[::-1]

    def _starts(self, place: int, count: int) -> Starts:
        if self._file is None or count <= 0:
            return np.empty(0, np.uint32)
        self._file.seek(4 * place)
        return np.frombuffer(self._file.read(4 * count), np.uint32).copy()


def _text(one: Checked, step: _Step, carry: Sequence[Bytes]) -> Bytes:
    """The block without page headers, behind what is carried along.

    Raises:
        _Changed: it is not there any more.
    """
    page = one.geometry.page
    size = step.pages * page
    try:
        raw = np.fromfile(one.segment.path, np.uint8, size, offset=step.first * page)
    except OSError as error:
        raise _Changed(error.strerror or str(error)) from error
    if len(raw) < size:
        raise _Changed(f"only {step.first * page + len(raw)} bytes of it")
    header = PAGE_HEADER if step.first else LONG_HEADER
    whole = raw.reshape(step.pages, page)
    return joined(whole[:1].reshape(-1)[header.size :], whole[1:], carry)


def _good(
    words: Words, starts: Starts, wanted: npt.NDArray[np.bool_]
) -> tuple[int, Numbers, Numbers]:
    """How many records are as they were; of these the wanted ones, and their lengths."""
    lengths = np.empty(len(starts), np.int64)
    good = _measured(words, starts, lengths)
    at = starts[:good].astype(np.int64)
    fits = intact(words, at, lengths[:good])
    good = good if fits.all() else int(np.argmin(fits))
    at = at[:good]
    count = _picked(words, at, lengths, wanted)
    return good, at[:count], lengths[:count]


@compiled(INT(NUMBERS, HALVES, INTS))
def _measured(words: Words, starts: Starts, lengths: Numbers) -> int:
    """Of how many records from the first the length can be; fills the last column."""
    for index in range(len(starts)):
        start = np.int64(starts[index])
        if start + 3 > len(words):
            return index
        length = np.int64(words[start] & np.uint64(0xFFFFFFFF))
        if length < _HEADER or start + ((length + 7) >> 3) > len(words):
            return index
        lengths[index] = length
    return len(starts)


@compiled(INT(NUMBERS, INTS, INTS, FLAGS))
def _picked(words: Words, at: Numbers, lengths: Numbers, wanted: npt.NDArray[np.bool_]) -> int:
    """How many are wanted: they move to the front of their columns."""
    count = 0
    for index in range(len(at)):
        if wanted[words[at[index] + 2] & np.uint64(0xFFFF)]:
            at[count], lengths[count] = at[index], lengths[index]
            count += 1
    return count
