"""Pages and records of a run of segments: the text without page headers, and where records start.

A segment at a time: its pages are checked and their headers left out, the records are walked by
their lengths, and each is held to its CRC-32C, to the previous record's place, and to what the
page headers say of records that run on. What fails ends the stretch, and nothing after it counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

import polars as pl

from collectors.postgres.wal.crc import intact
from collectors.postgres.wal.layout import (
    FIRST_IS_CONTINUED,
    FIRST_IS_OVERWRITTEN,
    LONG,
    LONG_HEADER,
    MAGIC,
    MAX_RECORD,
    PAGE_FLAGS,
    PAGE_HEADER,
    RECORD_HEADER,
    SWITCH,
    XLOG,
    Geometry,
    show_lsn,
)
from collectors.postgres.wal.segment import Checked

_WORD = 8
_BUILT_IN, _CUSTOM = 22, 128


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
    """Whole records that end in one segment. Words count from ``place``."""

    index: int
    place: int
    text: bytes
    words: pl.Series
    starts: pl.Series
    lengths: pl.Series
    lsn: pl.Series
    stop: Stop | None

    def record(self, start: int, length: int) -> bytes:
        """A record's bytes."""
        return self.text[start * _WORD : start * _WORD + length]


@dataclass(frozen=True, slots=True)
class _Flow:
    """What travels from segment to segment."""

    carry: bytes
    """The beginning of a record that runs on."""
    first: int
    """Word at which the first record begins."""
    last: int | None
    """LSN of the last record."""


@dataclass(frozen=True, slots=True)
class _Pages:
    text: bytes
    """Of the good pages, without their headers."""
    edges: list[tuple[int, int, int]]
    """Of each page: word in ``text`` where it begins, flags, length that remains."""
    fault: tuple[int, str] | None
    """Page and reason, where not all are good."""
    blank: bool
    """The fault is a page of zeros."""


def parts(run: Sequence[Checked]) -> Iterator[Part]:
    """The records of a run, segment by segment; ends at the first :class:`Stop`."""
    geometry = run[0].geometry
    flow = _Flow(b"", 0, None)
    skip: int | None = None
    for index, one in enumerate(run):
        pages = _pages(one)
        place = geometry.place(one.start + LONG_HEADER.size) - len(flow.carry)
        if index == 0 or skip is not None:
            # The rest of a record that began before the run is not read.
            first = _first(pages) if skip is None else skip
            skip = None
            if first * _WORD >= len(pages.text) and pages.fault is None:
                skip = first - len(pages.text) // _WORD
                continue
            flow = _Flow(b"", first, None)
        part, flow = _part(index, pages, place, flow, geometry)
        yield part
        if part.stop is not None:
            return


def _pages(one: Checked) -> _Pages:
    size = one.geometry.page
    timeline = one.begun_on
    count = one.size // size
    with one.segment.path.open("rb") as file:
        text = memoryview(file.read(count * size))
    layout = Struct(PAGE_HEADER.format + f"{size - PAGE_HEADER.size}x")
    edges: list[tuple[int, int, int]] = []
    pieces: list[memoryview] = []
    word = 0
    fault = None if one.size == one.geometry.segment else (count, f"only {one.size} bytes of it")
    blank = False
    for page, (magic, flags, tli, address, remains) in enumerate(layout.iter_unpack(text)):
        header = PAGE_HEADER.size if page else LONG_HEADER.size
        wrong = None
        if MAGIC.get(magic) != one.major:
            blank = not any(text[page * size : page * size + RECORD_HEADER.size])
            wrong = "zeros" if blank else f"magic {magic:#06x}"
        elif address != one.start + page * size:
            wrong = f"page address {show_lsn(address)}"
        elif flags & ~PAGE_FLAGS or bool(flags & LONG) != (page == 0):
            wrong = f"flags {flags:#06x}"
        elif not timeline <= tli <= one.timeline:
            wrong = f"timeline {tli} after {timeline}"
        if wrong:
            fault = (page, f"page at {show_lsn(one.start + page * size)} has {wrong}")
            break
        timeline = tli
        edges.append((word, flags, remains))
        pieces.append(text[page * size + header : (page + 1) * size])
        word += (size - header) // _WORD
    return _Pages(b"".join(pieces), edges, fault, blank)


def _first(pages: _Pages) -> int:
    """Word of the first record that begins here: after the rest of one begun before."""
    if not pages.edges:
        return 0
    _, flags, remains = pages.edges[0]
    return -(-remains // _WORD) if flags & FIRST_IS_CONTINUED else 0


def _part(
    index: int, pages: _Pages, place: int, flow: _Flow, geometry: Geometry
) -> tuple[Part, _Flow]:
    text = flow.carry + pages.text
    shift = len(flow.carry) // _WORD
    edges = [(word + shift, flags, remains) for word, flags, remains in pages.edges]
    starts, lengths, end, reason = _walk(text, flow.first, edges)
    misfit = _misfit(starts, lengths, end, edges, text)
    if misfit is not None:
        end, reason = misfit, "a page that does not continue the record before it"
        keep = bisect_left(starts, end)
        del starts[keep:], lengths[keep:]
    words = to_words(text)
    start = pl.Series(starts, dtype=pl.UInt32)
    length = pl.Series(lengths, dtype=pl.UInt32)
    lsn = to_lsn(start, place, geometry)
    good, why = _sound(words, start, length, lsn, flow.last)
    if good < len(starts):
        reason, end = why, starts[good]
    start, length, lsn = start[:good], length[:good], lsn[:good]
    switched = good > 0 and _is_switch(text, starts[good - 1])
    stop = None
    at = geometry.lsn(place + end * _WORD)
    rest = b"" if switched else text[end * _WORD :]
    if reason is not None:
        stop = Stop(index, at, reason, ordinary=False)
    elif rest and not any(rest[: RECORD_HEADER.size]):
        stop = Stop(index, at, "zeros where a record is expected", ordinary=True)
    elif pages.fault and not switched:
        # Behind a SWITCH the rest of a segment is zeros, or what an older use left there.
        stop = Stop(index, at, pages.fault[1], ordinary=pages.blank and not rest)
    last = int(lsn[-1]) if good else flow.last
    return Part(index, place, text, words, start, length, lsn, stop), _Flow(rest, 0, last)


def _walk(
    text: bytes, first: int, edges: list[tuple[int, int, int]]
) -> tuple[list[int], list[int], int, str | None]:
    """Starts and lengths of the whole records; where the walk ended; why, if by damage.

    A loop over records, because each is found only by the length of the one before it.
    """
    lengths = memoryview(text).cast("I")
    count = len(text) // _WORD
    starts: list[int] = []
    sizes: list[int] = []
    at = first
    least, most = RECORD_HEADER.size, MAX_RECORD
    # Where a crash cut a record off, the server began anew on the next page, and says so there.
    anew = [word for word, flags, _ in edges if flags & FIRST_IS_OVERWRITTEN and word > first]
    for limit in [*anew, count]:
        while at < limit:
            size = lengths[at * 2]
            if size < least or size > most:
                return starts, sizes, at, f"a record of {size} bytes" if size else None
            follow = at + (size + 7 >> 3)
            if follow > limit:
                break
            starts.append(at)
            sizes.append(size)
            at = follow
        if limit < count:
            at = limit
    return starts, sizes, at, None


def _misfit(
    starts: list[int], sizes: list[int], end: int, edges: list[tuple[int, int, int]], text: bytes
) -> int | None:
    """First word that is in doubt because a page contradicts the record that runs on to it.

    A record that is not whole yet counts by the length that it gives.
    """
    tail = int.from_bytes(text[end * _WORD : end * _WORD + 4], "little")
    begin = starts[0] if starts else end
    for word, flags, remains in edges:
        if word < begin or flags & FIRST_IS_OVERWRITTEN:
            continue
        if word > end and not tail:
            return None
        k = bisect_left(starts, word) - 1
        at, size = (starts[k], sizes[k]) if word <= end and k >= 0 else (end, tail)
        left = max(0, size - (word - at) * _WORD) if at < word else 0
        if bool(flags & FIRST_IS_CONTINUED) != (left > 0) or (left and left != remains):
            return at if left else word
    return None


def _sound(
    words: pl.Series, start: pl.Series, length: pl.Series, lsn: pl.Series, last: int | None
) -> tuple[int, str | None]:
    """How many records from the first are sound, and what is wrong with the next."""
    if start.is_empty():
        return 0, None
    prev = words[start + 1]
    before = lsn.shift(1, fill_value=last if last is not None else prev[0])
    kind = (words[start + 2] // 256 & 0xFF).cast(pl.UInt8)
    linked = (prev == before) & ((kind < _BUILT_IN) | (kind >= _CUSTOM))
    whole = intact(words, start, length)
    bad = (~(linked & whole)).arg_true()
    if bad.is_empty():
        return len(start), None
    at = bad[0]
    return at, "a record whose CRC-32C does not fit" if linked[at] else "a record out of its place"


def _is_switch(text: bytes, start: int) -> bool:
    info, rmgr = text[start * _WORD + 16], text[start * _WORD + 17]
    return rmgr == XLOG and info & 0xF0 == SWITCH


def to_words(text: bytes) -> pl.Series:
    """Bytes as UInt64, little-endian."""
    count = len(text) // _WORD
    if not count:
        return pl.Series(dtype=pl.UInt64)
    whole = pl.Series([text[: count * _WORD]], dtype=pl.Binary)
    return whole.bin.reinterpret(dtype=pl.Array(pl.UInt64, count), endianness="little").explode()


def to_lsn(start: pl.Series, place: int, geometry: Geometry) -> pl.Series:
    """LSNs of words: :meth:`Geometry.lsn` for a whole column."""
    at = start.cast(pl.UInt64) * _WORD + place
    number = at // geometry.usable_segment
    rest = at % geometry.usable_segment
    # The first page is shorter by 16 bytes: as if all were plain pages that much later.
    shifted = rest + (LONG_HEADER.size - PAGE_HEADER.size)
    page = shifted // geometry.usable_page
    within = shifted % geometry.usable_page
    return number * geometry.segment + page * geometry.page + PAGE_HEADER.size + within
