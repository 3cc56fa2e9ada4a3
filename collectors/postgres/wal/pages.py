"""The pages of a segment, a block of them at a time: checked, and their headers left out.

Source: ``xlog_internal.h``, ``xlogreader.c`` (``XLogReaderValidatePageHeader``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.postgres.wal.layout import (
    FIRST_IS_CONTINUED,
    FIRST_IS_OVERWRITTEN,
    LONG,
    LONG_HEADER,
    MAGIC,
    PAGE_FLAGS,
    PAGE_HEADER,
    RECORD_HEADER,
    show_lsn,
)
from collectors.postgres.wal.segment import Checked

_WORD = 8
_BLOCK = 2 * 1024 * 1024
"""Bytes read at a time: as much as stays in a processor's cache while it is gone through."""
Bytes = npt.NDArray[np.uint8]
_MAGIC = {major: magic for magic, major in MAGIC.items()}


@dataclass(frozen=True, slots=True)
class Edges:
    """Where pages begin in a text without page headers, and what their headers say."""

    word: npt.NDArray[np.int64]
    continued: npt.NDArray[np.bool_]
    """The page begins with the rest of a record."""
    overwritten: npt.NDArray[np.bool_]
    """The record before the page was cut off by a crash, and writing began anew here."""
    remains: npt.NDArray[np.int64]
    """Bytes of the rest of that record, on this page and later ones."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The good pages of a block."""

    first: Bytes
    """The first page without its header."""
    others: Bytes
    """The rest, one a row, with theirs."""
    lsn: int
    """Of the first byte without the headers."""
    marks: Edges
    fault: str | None
    """What is wrong with the next page, where not all are good."""
    blank: bool
    """The fault is a page of zeros."""

    @property
    def size(self) -> int:
        """Bytes without the headers."""
        return len(self.first) + self.others[:, PAGE_HEADER.size :].size

    def text(self, carry: Sequence[Bytes] = ()) -> Bytes:
        """Without their headers; what is carried along comes first."""
        return joined(self.first, self.others, carry)

    def span(self, one: Checked) -> tuple[int, int]:
        """Number of the first page in its segment, and how many there are."""
        size = one.geometry.page
        return (self.lsn - one.start) // size, bool(len(self.first)) + len(self.others)

    def edges(self, shift: int) -> Edges:
        """The edges in a text that begins ``shift`` words earlier."""
        marks = self.marks
        return Edges(marks.word + shift, marks.continued, marks.overwritten, marks.remains)

    def rest(self) -> int:
        """Words of the rest of a record that began before."""
        if not len(self.marks.word) or not self.marks.continued[0]:
            return 0
        return int(-(-self.marks.remains[0] // _WORD))

    def goes_on(self, length: int, carried: int) -> bool:
        """Whether all of it belongs to a record of ``length`` bytes of which some came before."""
        left = length - carried - self.marks.word * _WORD
        marks = self.marks
        return carried + self.size < length and bool(
            np.all(marks.continued & ~marks.overwritten & (marks.remains == left))
        )


def joined(first: Bytes, others: Bytes, carry: Sequence[Bytes]) -> Bytes:
    """See :meth:`Pages.text`."""
    before = sum(map(len, carry))
    kept = others[:, PAGE_HEADER.size :]
    begin = before + len(first)
    out = np.empty(begin + kept.size, np.uint8)
    np.concatenate([*carry, first], out=out[:begin])
    out[begin:].reshape(kept.shape)[:] = kept
    return out


def blocks(one: Checked) -> Iterator[Pages]:
    """The pages of a segment in order; ends with the first fault."""
    size = one.geometry.page
    count = one.size // size
    cut = None if one.size == one.geometry.segment else f"only {one.size} bytes of it"
    timeline = one.begun_on
    if not count:
        yield _pages(one, b"", 0, timeline, cut)
    try:
        file = one.segment.path.open("rb")
    except OSError as error:
        yield _pages(one, b"", 0, timeline, error.strerror)
        return
    with file:
        for first in range(0, count, max(1, _BLOCK // size)):
            many = min(count - first, max(1, _BLOCK // size))
            raw = file.read(many * size)
            short = cut if first + many == count else None
            if len(raw) < many * size:
                # It was longer when it was first looked at.
                short = f"only {first * size + len(raw)} bytes of it"
            pages = _pages(one, raw, first, timeline, short)
            yield pages
            if pages.fault is not None:
                return
            timeline = int.from_bytes(raw[-size + 4 : -size + 8], "little")


def _pages(one: Checked, raw: bytes, first: int, timeline: int, cut: str | None) -> Pages:
    """Pages from number ``first``; ``cut``: what to say where all of these are good."""
    size = one.geometry.page
    layout = np.dtype(
        {
            "names": ["magic", "flags", "timeline", "address", "remains"],
            "formats": ["<u2", "<u2", "<u4", "<u8", "<u4"],
            "offsets": [0, 2, 4, 8, 16],
            "itemsize": size,
        }
    )
    heads = np.frombuffer(raw, layout, len(raw) // size)
    number = np.arange(first, first + len(heads), dtype=np.uint64)
    flags, tli = heads["flags"], heads["timeline"]
    before = np.concatenate([np.array([timeline], np.uint32), tli[:-1]])[: len(heads)]
    wrong = {
        "magic": heads["magic"] != _MAGIC[one.major],
        "page address": heads["address"] != one.start + number * np.uint64(size),
        "flags": ((flags & ~np.uint16(PAGE_FLAGS)) != 0) | (((flags & LONG) > 0) != (number == 0)),
        "timeline": (tli < before) | (tli > one.timeline),
    }
    bad = np.flatnonzero(np.any(list(wrong.values()), axis=0))
    good = int(bad[0]) if len(bad) else len(heads)
    fault, blank = cut, False
    if len(bad):
        what = next(name for name, column in wrong.items() if column[good])
        blank = what == "magic" and not any(raw[good * size : good * size + RECORD_HEADER.size])
        found = {
            "magic": "zeros" if blank else f"magic {heads['magic'][good]:#06x}",
            "page address": f"page address {show_lsn(int(heads['address'][good]))}",
            "flags": f"flags {flags[good]:#06x}",
            "timeline": f"timeline {tli[good]} after {before[good]}",
        }[what]
        fault = f"page at {show_lsn(one.start + (first + good) * size)} has {found}"
    header = LONG_HEADER.size if first == 0 else PAGE_HEADER.size
    whole = np.frombuffer(raw, np.uint8, good * size).reshape(good, size)
    begins = np.arange(good, dtype=np.int64) * (one.geometry.usable_page // _WORD)
    if first == 0:
        begins[1:] -= (LONG_HEADER.size - PAGE_HEADER.size) // _WORD
    flags = flags[:good]
    return Pages(
        first=whole[:1].reshape(-1)[header:],
        others=whole[1:],
        lsn=one.start + first * size + header,
        marks=Edges(
            begins,
            (flags & FIRST_IS_CONTINUED) > 0,
            (flags & FIRST_IS_OVERWRITTEN) > 0,
            heads["remains"][:good].astype(np.int64),
        ),
        fault=fault,
        blank=blank,
    )
