"""How WAL lies on disk: numbers and structures of PostgreSQL 13 to 18, little-endian.

Source: PostgreSQL's ``access/xlog_internal.h``, ``access/xlogrecord.h``, ``access/xact.h``,
``catalog/pg_control.h``, ``catalog/storage_xlog.h``, ``commands/dbcommands_xlog.h``,
``storage/standbydefs.h``; held against ``pg_waldump`` in the tests.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

MAGIC = {0xD101: 12, 0xD106: 13, 0xD10D: 14, 0xD110: 15, 0xD113: 16, 0xD116: 17, 0xD118: 18}
"""``XLOG_PAGE_MAGIC`` to major version."""
READABLE = range(13, 19)
"""Major versions whose structures the own reader knows."""

PAGE_HEADER = struct.Struct("<HHIQI4x")
"""magic, info, timeline, page address, length that remains of a record begun before the page."""
LONG_HEADER = struct.Struct("<HHIQI4xQII")
"""The same, then system id, segment size, block size: the first page of a segment."""
FIRST_IS_CONTINUED = 0x0001
LONG = 0x0002
FIRST_IS_OVERWRITTEN = 0x0008
PAGE_FLAGS = 0x000F

RECORD_HEADER = struct.Struct("<IIQBBxxI")
"""total length, xid, previous LSN, info, resource manager, CRC-32C."""
MAX_RECORD = 1020 * 1024 * 1024
"""No record is longer (``XLogRecordMaxSize``, from 16; before it memory set the bound)."""

RMGRS = (
    *("XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace", "MultiXact"),
    *("RelMap", "Standby", "Heap2", "Heap", "Btree", "Hash", "Gin", "Gist", "Sequence"),
    *("SPGist", "BRIN", "CommitTs", "ReplicationOrigin", "Generic", "LogicalMessage"),
)
XLOG, TRANSACTION, STORAGE, DATABASE, STANDBY, HEAP2, HEAP = 0, 1, 2, 4, 8, 9, 10

OPS: dict[int, dict[int, str]] = {
    XLOG: {
        0x00: "CHECKPOINT_SHUTDOWN",
        0x10: "CHECKPOINT_ONLINE",
        0x40: "SWITCH",
        0x50: "BACKUP_END",
        0x70: "RESTORE_POINT",
        0x90: "END_OF_RECOVERY",
        0xD0: "OVERWRITE_CONTRECORD",
    },
    TRANSACTION: {
        0x00: "COMMIT",
        0x10: "PREPARE",
        0x20: "ABORT",
        0x30: "COMMIT_PREPARED",
        0x40: "ABORT_PREPARED",
    },
    STORAGE: {0x10: "CREATE", 0x20: "TRUNCATE"},
    DATABASE: {0x00: "CREATE_FILE_COPY", 0x10: "CREATE_WAL_LOG", 0x20: "DROP"},
    STANDBY: {0x00: "LOCK"},
}
"""The records that are kept, by the high four bits of info (three for Transaction and heaps)."""
OP_MASK = dict.fromkeys(OPS, 0xF0) | dict.fromkeys((TRANSACTION, HEAP, HEAP2), 0x70)
_DATABASE_OPS = {0x00: "CREATE", 0x10: "DROP"}
_WAL_LOG_SINCE = 15
"""From then on CREATE DATABASE can write what it copies to the log (``commands/dbcommands.c``)."""
SWITCH = 0x40
HAS_INFO = 0x80
"""A Transaction record with this bit has an ``xinfo`` word that says what follows."""
HEAP_OPS = {0x00: "insert", 0x10: "delete", 0x20: "update", 0x40: "update"}
MULTI_INSERT = 0x50

# Microseconds from 1970 to 2000: a TimestampTz counts from 2000-01-01 UTC.
PG_EPOCH_US = 946_684_800_000_000

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
ARCHIVED = re.compile(
    r"(?P<name>[0-9A-F]{24})(?P<partial>\.partial)?(?:-(?P<sha1>[0-9a-f]{40}))?"
    r"(?P<suffix>\.(?:gz|zst|lz4|bz2|xz|br|lzo|lzma))?(?P<received>\.partial)?"
)
"""The names under which archives and backup tools keep a segment."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a cluster cuts its WAL: bytes of a segment and of a page."""

    segment: int
    page: int = 8192

    @property
    def usable_page(self) -> int:
        """Bytes for records on a page that does not begin a segment."""
        return self.page - PAGE_HEADER.size

    @property
    def usable_segment(self) -> int:
        """Bytes for records in a segment."""
        pages = self.segment // self.page
        return pages * self.usable_page - (LONG_HEADER.size - PAGE_HEADER.size)

    def place(self, lsn: int) -> int:
        """How many bytes for records lie before an LSN, from the start of WAL."""
        number, offset = divmod(lsn, self.segment)
        page, within = divmod(offset, self.page)
        before = number * self.usable_segment
        if page == 0:
            return before + max(0, within - LONG_HEADER.size)
        first = self.page - LONG_HEADER.size
        return before + first + (page - 1) * self.usable_page + max(0, within - PAGE_HEADER.size)

    def lsn(self, place: int) -> int:
        """The inverse of :meth:`place`: where the byte lies."""
        number, rest = divmod(place, self.usable_segment)
        first = self.page - LONG_HEADER.size
        if rest < first:
            return number * self.segment + LONG_HEADER.size + rest
        page, within = divmod(rest - first, self.usable_page)
        return number * self.segment + (page + 1) * self.page + PAGE_HEADER.size + within

    def valid(self) -> bool:
        """Whether PostgreSQL could have been made so: powers of two within its bounds."""
        return (
            self.page.bit_count() == 1
            and self.segment.bit_count() == 1
            and 1024 <= self.page <= 65536  # noqa: PLR2004  (configure --with-wal-blocksize)
            and 2**20 <= self.segment <= 2**30
        )


def op_of(rmgr: int, info: int, major: int) -> str | None:
    """PostgreSQL's word for what a record does; None for the kinds that are not kept."""
    kept = OPS.get(rmgr, {})
    if rmgr == DATABASE and major < _WAL_LOG_SINCE:
        kept = _DATABASE_OPS
    return kept.get(info & OP_MASK.get(rmgr, 0xF0))


def show_lsn(lsn: int) -> str:
    """An LSN as PostgreSQL prints it: ``0/16B3740``."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def read_lsn(text: str) -> int | None:
    """An LSN from ``0/16B3740``; None where it is none."""
    match = re.fullmatch(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", text)
    return int(match[1], 16) << 32 | int(match[2], 16) if match else None


def read_name(name: str) -> tuple[int, int, int] | None:
    """(timeline, high, low) of a segment's name; None where it is none."""
    match = _NAME.fullmatch(name)
    return (int(match[1], 16), int(match[2], 16), int(match[3], 16)) if match else None


def plain_name(name: str) -> str:
    """PostgreSQL's name of what an archived file holds; the name itself where it is none."""
    match = ARCHIVED.fullmatch(name)
    if match is None:
        return name
    return match["name"] + (".partial" if match["partial"] or match["received"] else "")


def segment_name(timeline: int, number: int, size: int) -> str:
    """The name under which PostgreSQL stores a segment."""
    high, low = divmod(number, 2**32 // size)
    return f"{timeline:08X}{high:08X}{low:08X}"
