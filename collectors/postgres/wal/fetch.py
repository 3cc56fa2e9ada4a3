"""Single WAL records by LSN: for the few that must be looked into."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from collectors.postgres.wal.crc import record_crc
from collectors.postgres.wal.layout import (
    FIRST_IS_CONTINUED,
    LONG_HEADER,
    MAX_RECORD,
    PAGE_HEADER,
    RECORD_HEADER,
    SWITCH,
    XLOG,
    Geometry,
)
from collectors.postgres.wal.segment import Checked

_ALIGN = 8
CAP = 64 * 1024 * 1024
"""No single record is fetched that is longer, in bytes."""


@dataclass(slots=True)
class Fetch:
    """Records of one run of segments. Close it, or use it as a context manager."""

    segments: dict[int, Checked]
    geometry: Geometry
    _open: dict[int, mmap.mmap] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Sequence[Checked]) -> Fetch:
        """For segments of one geometry."""
        return cls({one.number: one for one in run}, run[0].geometry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._open.values():
            opened.close()
        self._open.clear()

    def record(self, lsn: int) -> bytes | None:
        """The record that starts at ``lsn``, header first; None if there is no whole one.

        Its CRC-32C is checked.
        """
        if lsn % _ALIGN or lsn % self.geometry.page < PAGE_HEADER.size:
            return None
        place = self.geometry.place(lsn)
        if self.geometry.lsn(place) != lsn:
            return None
        head = self._bytes(place, RECORD_HEADER.size)
        if head is None:
            return None
        length, _, _, _, _, crc = RECORD_HEADER.unpack(head)
        if not RECORD_HEADER.size <= length <= min(MAX_RECORD, CAP):
            return None
        record = self._bytes(place, length)
        return record if record is not None and record_crc(record) == crc else None

    def after(self, lsn: int, length: int) -> int:
        """LSN of the next record, unless a SWITCH or the end of WAL lies between."""
        return self.geometry.lsn(self.geometry.place(lsn) + -(-length // _ALIGN) * _ALIGN)

    def onward(self, lsn: int, limit: int, count: int) -> Iterator[tuple[int, bytes]]:
        """(LSN, record) from ``lsn`` to ``limit`` at most, and no more than ``count``."""
        while lsn <= limit and count:
            record = self.record(lsn)
            if record is None:
                return
            yield lsn, record
            if record[16] & 0xF0 == SWITCH and record[17] == XLOG:
                lsn = (lsn // self.geometry.segment + 1) * self.geometry.segment + LONG_HEADER.size
            else:
                lsn = self.after(lsn, len(record))
            count -= 1

    def _bytes(self, place: int, length: int) -> bytes | None:
        """Bytes of records, page headers left out; None where they are not there."""
        out = bytearray()
        geometry = self.geometry
        while len(out) < length:
            lsn = geometry.lsn(place + len(out))
            number, offset = divmod(lsn, geometry.segment)
            text = self._segment(number)
            page = offset - offset % geometry.page
            if text is None or page + geometry.page > len(text):
                return None
            header = LONG_HEADER.size if page == 0 else PAGE_HEADER.size
            if out and offset - page == header:
                _, flags, _, _, remains = PAGE_HEADER.unpack_from(text, page)
                if not flags & FIRST_IS_CONTINUED or remains < length - len(out):
                    return None
            out += text[offset : min(page + geometry.page, offset + length - len(out))]
        return bytes(out)

    def _segment(self, number: int) -> mmap.mmap | None:
        if number not in self._open:
            one = self.segments.get(number)
            if one is None:
                return None
            if len(self._open) > 64:  # noqa: PLR2004  (files kept open)
                self._open.pop(next(iter(self._open))).close()
            with one.segment.path.open("rb") as file:
                self._open[number] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._open[number]
