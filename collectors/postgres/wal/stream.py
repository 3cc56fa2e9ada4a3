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
from collectors.postgres.wal.walk import misfit, walk

_WORD = 8
_BUILT_IN, _CUSTOM = 22, 128

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
    text: bytes
    words: Words
    """The text, little-endian."""
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
        return self.text[start * _WORD : start * _WORD + length]

    def chosen(self, which: npt.NDArray[np.bool_] | Numbers) -> Iterator[bytes]:
        """The bytes of some of the records."""
        for start, length in zip(
            self.starts[which].tolist(), self.lengths[which].tolist(), strict=True
        ):
            yield self.record(start, length)


@dataclass(slots=True)
class _Flow:
    """What travels from block to block."""

    carry: list[bytes]
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
            length = int.from_bytes(self.carry[0][:4], "little")
            if not pages.goes_on(length, self.carried):
                return False
            self.carry.append(pages.text)
            self.carried += len(pages.text)
            return True
        if self.skip * _WORD < len(pages.text):
            return False
        self.skip -= len(pages.text) // _WORD
        return True


def parts(run: Sequence[Checked]) -> Iterator[Part]:
    """The records of a run, block by block; ends at the first :class:`Stop`."""
    geometry = run[0].geometry
    flow: _Flow | None = None
    for index, one in enumerate(run):
        for pages in blocks(one):
            if flow is None:
                flow = _Flow([], 0, pages.rest(), None)
            if flow.passes(pages):
                continue
            part = _part(index, pages, flow, geometry)
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
        place = one.geometry.place(pages.lsn) + len(pages.text) - flow.carried
        at = one.geometry.lsn(place) if flow.carry else one.start
    return at if flow is not None and (flow.carry or flow.skip) else None


def _part(index: int, pages: Pages, flow: _Flow, geometry: Geometry) -> Part:
    """The block's records; what runs on is left in ``flow``."""
    text = b"".join([*flow.carry, pages.text])
    place = geometry.place(pages.lsn) - flow.carried
    edges = pages.edges(flow.carried // _WORD)
    count = len(text) // _WORD
    words = np.frombuffer(text, np.uint64, count)
    start, length, end, reason = walk(text, words, flow.skip, edges, pages.lsn)
    doubt = misfit(start, length, end, edges, text)
    if doubt is not None:
        end, reason = doubt, "a page that does not continue the record before it"
        keep = int(np.searchsorted(start, end))
        start, length = start[:keep], length[:keep]
    lsn = to_lsn(start, place, geometry)
    kind = words[start + 2].astype(np.uint16)
    good, why = _sound(text, words, start, length, lsn, (kind >> 8).astype(np.uint8), flow.last)
    if good < len(start):
        reason, end = why, int(start[good])
        start, length = start[:good], length[:good]
        lsn, kind = lsn[:good], kind[:good]
    switched = bool(good and kind[-1] & 0xFFF0 == XLOG << 8 | SWITCH)
    rest = b"" if switched else text[end * _WORD :]
    stop = None
    at = geometry.lsn(place + end * _WORD)
    if reason is not None:
        stop = Stop(index, at, reason, ordinary=False)
    elif rest and not any(rest[: RECORD_HEADER.size]):
        stop = Stop(index, at, "zeros where a record is expected", ordinary=True)
    elif pages.fault and not switched:
        # Behind a SWITCH the rest of a segment is zeros, or what an older use left there.
        stop = Stop(index, at, pages.fault, ordinary=pages.blank and not rest)
    flow.carry, flow.carried, flow.skip = [rest] if rest else [], len(rest), 0
    if good:
        flow.last = int(lsn[-1])
    xid = (words[start] >> np.uint64(32)).astype(np.uint32)
    return Part(index, text, words, start, length, lsn, xid, kind, stop, switched)


def _sound(  # noqa: PLR0913, PLR0917  (the columns of one block)
    text: bytes,
    words: Words,
    start: Numbers,
    length: Numbers,
    lsn: Words,
    rmgr: npt.NDArray[np.uint8],
    last: int | None,
) -> tuple[int, str | None]:
    """How many records from the first are sound, and what is wrong with the next."""
    if not len(start):
        return 0, None
    prev = words[start + 1]
    before = np.empty_like(lsn)
    before[0] = prev[0] if last is None else last
    before[1:] = lsn[:-1]
    linked = (prev == before) & ((rmgr < _BUILT_IN) | (rmgr >= _CUSTOM))
    bad = np.flatnonzero(~(linked & intact(text, words, start, length)))
    if not len(bad):
        return len(start), None
    at = int(bad[0])
    return at, "a record whose CRC-32C does not fit" if linked[at] else "a record out of its place"


def to_lsn(start: Numbers, place: int, geometry: Geometry) -> Words:
    """LSNs of words: :meth:`Geometry.lsn` for a whole column."""
    at = start.astype(np.uint64) * np.uint64(_WORD) + np.uint64(place)
    number: Words = at // np.uint64(geometry.usable_segment)
    rest: Words = at % np.uint64(geometry.usable_segment)
    # The first page is shorter by 16 bytes: as if all were plain pages that much later.
    rest += np.uint64(LONG_HEADER.size - PAGE_HEADER.size)
    page: Words = rest // np.uint64(geometry.usable_page)
    within: Words = rest % np.uint64(geometry.usable_page)
    lsn: Words = number * np.uint64(geometry.segment) + page * np.uint64(geometry.page) + within
    lsn += np.uint64(PAGE_HEADER.size)
    return lsn
