"""Pages and records of a run of segments: the text without page headers, and where records start.

A block of pages at a time: pages are checked and their headers left out, the records are walked by
their lengths, and each is held to its CRC-32C, to the previous record's place, and to what the
page headers say of records that run on. What fails ends the stretch, and nothing after it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import HALVES, INT, INTS, NUMBERS, SHORTS, compiled
from collectors.postgres.wal.crc import intact
from collectors.postgres.wal.layout import (
    LONG_HEADER,
    PAGE_HEADER,
    RECORD_HEADER,
    SWITCH,
    XLOG,
    Geometry,
)
from collectors.postgres.wal.pages import Pages, blocks
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.trail import Trail
from collectors.postgres.wal.walk import misfit, walk

WORD = 8
_BUILT_IN, _CUSTOM = 22, 128

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where reading a run ended before its last segment did."""

    index: int
    """Which segment of the run."""
    lsn: int
    message: str
    ordinary: bool
    """The end of what was written (zeros), not damage."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole records that end in one block of a segment. Words count from the start of ``text``."""

    index: int
    """Which segment of the run."""
    text: Bytes
    words: Words
    """The text, little-endian."""
    place: int
    """Of the text's first byte: see :meth:`~collectors.postgres.wal.layout.Geometry.place`."""
    starts: Numbers
    lengths: Numbers
    lsn: Words
    xid: npt.NDArray[np.uint32]
    kind: npt.NDArray[np.uint16]
    """Resource manager times 256, and info."""
    stop: Stop | None
    switched: bool
    """The last record ends its segment."""

    @property
    def rmgr(self) -> npt.NDArray[np.uint8]:
        """Resource managers."""
        return (self.kind >> 8).astype(np.uint8)

    @property
    def info(self) -> npt.NDArray[np.uint8]:
        """What a resource manager does, and flags of the record."""
        return self.kind.astype(np.uint8)

    def record(self, start: int, length: int) -> bytes:
        """A record's bytes."""
        return self.text[start * WORD : start * WORD + length].tobytes()

    def chosen(self, which: npt.NDArray[np.bool_] | Numbers) -> Iterator[bytes]:
        """The bytes of some of the records."""
        for start, length in zip(
            self.starts[which].tolist(), self.lengths[which].tolist(), strict=True
        ):
            yield self.record(start, length)


@dataclass(slots=True)
class _Flow:
    """What travels from block to block."""

    carry: list[Bytes]
    """The beginning of a record that runs on; more than one piece where it fills whole blocks."""
    carried: int
    """Bytes of it."""
    skip: int
    """Words of the rest of a record that began before the run, and is not read."""
    last: int | None
    """LSN of the last record."""

    def passes(self, pages: Pages) -> bool:
        """Take note of a block in which no record ends; False for others."""
        if pages.fault is not None:
            return False
        if self.carry:
            length = int(self.carry[0][:4].view(np.uint32)[0])
            if not pages.goes_on(length, self.carried):
                return False
            self.carry.append(pages.text())
            self.carried += pages.size
            return True
        if self.skip * WORD < pages.size:
            return False
        self.skip -= pages.size // WORD
        return True


def parts(run: Sequence[Checked], trail: Trail | None = None) -> Iterator[Part]:
    """The records of a run, block by block; ends at the first :class:`Stop`.

    ``trail``: to be filled for a second look.
    """
    geometry = run[0].geometry
    flow: _Flow | None = None
    for index, one in enumerate(run):
        for pages in blocks(one):
            if flow is None:
                flow = _Flow([], 0, pages.rest(), None)
            if flow.passes(pages):
                if trail is not None and flow.carry:
                    trail.passed(index, one, pages)
                continue
            carried = flow.carried
            part = _part(index, pages, flow, geometry)
            if trail is not None:
                trail.took(one, pages, part, carried=carried, kept=flow.carried)
            yield part
            if part.stop is not None:
                return
            if part.switched:
                break


def cut_off(one: Checked) -> int | None:
    """LSN of a record that runs on beyond the end of a segment; None: none does.

    The segment's start, where it began before the segment.
    """
    flow: _Flow | None = None
    at = one.start
    for pages in blocks(one):
        if flow is None:
            flow = _Flow([], 0, pages.rest(), None)
        if not flow.passes(pages):
            part = _part(0, pages, flow, one.geometry)
            if part.stop is not None or part.switched:
                return None
        place = one.geometry.place(pages.lsn) + pages.size - flow.carried
        at = one.geometry.lsn(place) if flow.carry else one.start
    return at if flow is not None and (flow.carry or flow.skip) else None


def _part(index: int, pages: Pages, flow: _Flow, geometry: Geometry) -> Part:
    """The block's records; what runs on is left in ``flow``."""
    text = pages.text(flow.carry)
    place = geometry.place(pages.lsn) - flow.carried
    edges = pages.edges(flow.carried // WORD)
    words = text[: len(text) // WORD * WORD].view(np.uint64)
    start, length, end, reason = walk(words, flow.skip, edges)
    doubt = misfit(start, length, end, edges, words)
    if doubt is not None:
        end, reason = doubt, "a page that does not continue the record before it"
        keep = int(np.searchsorted(start, end))
        start, length = start[:keep], length[:keep]
    lsn = to_lsn(start, place, geometry)
    kind, xid = np.empty(len(start), np.uint16), np.empty(len(start), np.uint32)
    good = _sound(words, start, lsn, flow.last if flow.last is not None else -1, kind, xid)
    fits = intact(words, start[:good], length[:good])
    if good < len(start):
        reason, end = "a record out of its place", int(start[good])
    if not fits.all():
        good = int(np.argmin(fits))
        reason, end = "a record whose CRC-32C does not fit", int(start[good])
    start, length, lsn = start[:good], length[:good], lsn[:good]
    kind, xid = kind[:good], xid[:good]
    switched = bool(good and kind[-1] & 0xFFF0 == XLOG << 8 | SWITCH)
    rest = text[:0] if switched else text[end * WORD :]
    stop = None
    at = geometry.lsn(place + end * WORD)
    if reason is not None:
        stop = Stop(index, at, reason, ordinary=False)
    elif len(rest) and not rest[: RECORD_HEADER.size].any():
        stop = Stop(index, at, "zeros where a record is expected", ordinary=True)
    elif pages.fault and not switched:
        # Behind a SWITCH the rest of a segment is zeros, or what an older use left there.
        stop = Stop(index, at, pages.fault, ordinary=pages.blank and not len(rest))
    # A copy: the rest of the text need not stay.
    flow.carry = [rest.copy()] if len(rest) else []
    flow.carried, flow.skip = len(rest), 0
    if good:
        flow.last = int(lsn[-1])
    return Part(index, text, words, place, start, length, lsn, xid, kind, stop, switched)


@compiled(INT(NUMBERS, INTS, NUMBERS, INT, SHORTS, HALVES))
def _sound(
    words: Words,
    start: Numbers,
    lsn: Words,
    last: int,
    kind: npt.NDArray[np.uint16],
    xid: npt.NDArray[np.uint32],
) -> int:
    """How many records from the first name the one before, and a resource manager that there is.

    ``last``: LSN of the record before; -1: not known. Fills the last two columns.
    """
    for index in range(len(start)):
        at = start[index]
        before = lsn[index - 1] if index else np.uint64(last) if last >= 0 else words[at + 1]
        what = np.uint16(words[at + 2])
        if words[at + 1] != before or _BUILT_IN <= what >> 8 < _CUSTOM:
            return index
        kind[index], xid[index] = what, words[at] >> np.uint64(32)
    return len(start)


def to_lsn(start: Numbers, place: int, geometry: Geometry) -> Words:
    """LSNs of words: :meth:`Geometry.lsn` for a whole column."""
    lsn = np.empty(len(start), np.uint64)
    header = PAGE_HEADER.size
    # The first page is shorter: as if all were plain pages that much later.
    shift = LONG_HEADER.size - header
    sizes = geometry.segment, geometry.page, geometry.usable_segment, geometry.usable_page
    _lsns(start, place, *sizes, shift, header, lsn)
    return lsn


@compiled(INT(INTS, INT, INT, INT, INT, INT, INT, INT, NUMBERS))
def _lsns(
    start: Numbers,
    place: int,
    segment: int,
    page: int,
    usable_segment: int,
    usable_page: int,
    shift: int,
    header: int,
    lsn: Words,
) -> int:
    # What is added is the same all over a page: it is worked out where another one begins.
    begin, behind, added = 0, 0, 0
    for index in range(len(start)):
        at = start[index] * WORD + place
        if at < begin or at >= behind:
            rest = at % usable_segment + shift
            within = rest % usable_page
            begin, behind = at - within, at - within + usable_page
            first = at // usable_segment * segment + rest // usable_page * page + header
            added = first + within - at
        lsn[index] = at + added
    return len(start)
