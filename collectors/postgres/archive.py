"""The custom format of ``pg_dump -Fc``: its header, its table of contents, its data blocks.

As ``pg_restore -l`` shows it::

    ; Archive created at 2026-03-08 02:00:00 UTC
    ;     dbname: mlops
    ;     Dump Version: 1.14-0
    ;     Dumped from database version: 15.20
    214; 1259 16384 TABLE ml lineage postgres
    3338; 0 16384 TABLE DATA ml lineage postgres

The layout is that of PostgreSQL's ``src/bin/pg_dump/pg_backup_archiver.c`` (ReadHead, ReadToc) and
``pg_backup_custom.c``: integers are a sign byte and ``int_size`` bytes, little end first; strings
an integer length (-1 for none) and bytes. Archive versions 1.12 (PostgreSQL 9.0) to 1.16 (18).

Why not a library (2026-11-23): pgdumplib 4 reads a dump that was cut in half as a table of half
the rows, without an error, and rows that are gone are what a case may turn on; it also unpacks
every table to disk and refuses a dump that was written to a pipe. Here every length is taken as
hostile: nothing is read past the file, nothing is unpacked but the table that is asked for, and a
block that ends early is an error, never a shorter table.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Self

from recon.errors import BadInputError

MAGIC = b"PGDMP"
OLDEST = (1, 12)
NEWEST = (1, 16)
_FORMATS = {1: "custom (-Fc)", 3: "tar (-Ft)", 4: "null", 5: "directory (-Fd)"}
_CUSTOM = 1
_ALGORITHMS = ("none", "gzip", "lz4", "zstd")
_BLOCK_DATA = 1
_BLOCK_BLOBS = 3
_OFFSET_SET = 2
_NO_DATA = 3
_MAX_STRING = 1 << 26
"""Bytes of one string of the contents: a definition can be long, not this long."""
_CHUNK = 1 << 20
# Counted from 1900, as in C; a clock that was never set reads 1970.
_FIRST_YEAR, _LAST_YEAR = 70, 8000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the table of contents."""

    number: int
    """Its dump id."""
    table_oid: str
    """OID of the catalogue that it stands in: 1259 is ``pg_class``."""
    oid: str
    """Its own OID in that catalogue."""
    tag: str
    description: str
    """``TABLE``, ``TABLE DATA``, ``ENCODING`` …"""
    definition: str
    copy: str
    """``COPY schema.table (columns) FROM stdin;``"""
    namespace: str
    owner: str
    has_data: bool
    offset: int | None
    """Where its data block begins; None: not recorded, so the blocks must be walked."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Header and table of contents."""

    version: tuple[int, int, int]
    compression: str
    """``none``, ``gzip``, ``lz4`` or ``zstd``."""
    created: datetime
    """Naive: the local time of the machine that ran pg_dump, when it began."""
    daylight: int
    """tm_isdst of that time: 1 in summer time, 0 not, -1 unknown."""
    database: str
    server: str
    tool: str
    entries: tuple[Entry, ...]
    int_size: int
    offset_size: int
    data_start: int
    """Where the data blocks begin."""

    def find(self, description: str, namespace: str, tag: str) -> Entry | None:
        """The entry of that kind and name."""
        for entry in self.entries:
            if (entry.description, entry.namespace, entry.tag) == (description, namespace, tag):
                return entry
        return None

    @property
    def encoding(self) -> str:
        """PostgreSQL's name of the encoding of the data: ``UTF8``."""
        for entry in self.entries:
            if entry.description == "ENCODING":
                parts = entry.definition.split("'")
                return parts[1] if len(parts) > 1 else ""
        return ""


class _Reader:
    """Bounded reads of one file."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.file = file
        self.where = where
        self.size = file.seek(0, 2)
        file.seek(0)
        self.int_size = 4
        self.offset_size = 8

    def sized(self, int_size: int, offset_size: int) -> Self:
        if int_size not in {2, 4, 8} or offset_size not in {4, 8}:
            raise self.error("integers of 4 bytes and offsets of 8", f"{int_size}, {offset_size}")
        self.int_size, self.offset_size = int_size, offset_size
        return self

    def error(self, expected: str, found: str) -> BadInputError:
        return BadInputError(
            expected,
            found,
            f"{self.where}, byte {self.file.tell()}",
            "check the file with `pg_restore -l`, and copy it again",
        )

    def raw(self, count: int) -> bytes:
        left = self.size - self.file.tell()
        if not 0 <= count <= left:
            raise self.error(f"{count} bytes", f"{left} before the end of the file")
        return self.file.read(count)

    def byte(self) -> int:
        return self.raw(1)[0]

    def integer(self) -> int:
        data = self.raw(1 + self.int_size)
        value = int.from_bytes(data[1:], "little")
        return -value if data[0] else value

    def string(self) -> str | None:
        length = self.integer()
        if length < 0:
            return None
        if length > _MAX_STRING:
            raise self.error(f"a string of at most {_MAX_STRING} bytes", f"a length of {length}")
        return self.raw(length).decode("utf-8", "backslashreplace")

    def text(self) -> str:
        return self.string() or ""


def read_archive(file: BinaryIO, where: str) -> Archive:
    """Header and contents of a dump.

    Raises:
        BadInputError: no dump, another format or version, or the contents are cut off or lie.
    """
    reader = _Reader(file, where)
    head = reader.raw(min(reader.size, 11))
    if head[:5] != MAGIC or len(head) < 11:  # noqa: PLR2004  (magic, version, sizes, format)
        raise reader.error(f"a dump of pg_dump -Fc (first bytes {MAGIC.decode()})", repr(head[:8]))
    version = (head[5], head[6], head[7])
    if version[:2] > NEWEST:
        raise BadInputError(
            f"archive version {_shown(OLDEST)} to {_shown(NEWEST)} (of pg_dump 9.0 to 18)",
            f"archive version {_shown(version)}, of a newer pg_dump",
            where,
            "a newer recon reads it; or restore it with pg_restore of that version, and dump the "
            "copy again with an older one",
        )
    if version[:2] < OLDEST:
        raise BadInputError(
            f"a dump of archive version {_shown(OLDEST)} or later",
            f"archive version {_shown(version)}",
            where,
            "restore it into a scratch server and dump it again",
        )
    reader.sized(head[8], head[9])
    if head[10] != _CUSTOM:
        found = _FORMATS.get(head[10], f"format {head[10]}")
        raise BadInputError("format custom (-Fc)", found, where, "dump it with pg_dump -Fc")
    compression = _compression(reader, version)
    second, minute, hour, day, month, year, daylight = (reader.integer() for _ in range(7))
    try:
        if not _FIRST_YEAR <= year <= _LAST_YEAR:
            raise ValueError(year)  # noqa: TRY301  (refused as any other date that is none)
        created = datetime(year + 1900, month + 1, day, hour, minute, min(second, 59))  # noqa: DTZ001
    except ValueError:
        raise reader.error(
            "a date and time", f"{year + 1900}-{month + 1}-{day} {hour}:{minute}:{second}"
        ) from None
    database, server, tool = reader.text(), reader.text(), reader.text()
    entries = tuple(_entries(reader, version))
    return Archive(
        version=version,
        compression=compression,
        created=created,
        daylight=daylight,
        database=database,
        server=server,
        tool=tool,
        entries=entries,
        int_size=reader.int_size,
        offset_size=reader.offset_size,
        data_start=file.tell(),
    )


def _compression(reader: _Reader, version: tuple[int, int, int]) -> str:
    if version < (1, 15, 0):
        return "gzip" if reader.integer() != 0 else "none"
    number = reader.byte()
    if number >= len(_ALGORITHMS):
        raise reader.error(f"a compression of {_ALGORITHMS}", f"number {number}")
    return _ALGORITHMS[number]


def _entries(reader: _Reader, version: tuple[int, int, int]) -> Iterator[Entry]:
    count = reader.integer()
    # An entry has at least 13 integers of one byte and more: a lying count ends with the file.
    if not 0 <= count <= reader.size // 13:
        raise reader.error("a number of entries that the file can hold", str(count))
    for _ in range(count):
        number = reader.integer()
        reader.integer()  # whether pg_dump had a function for its data
        table_oid, oid, tag, description = (reader.text() for _ in range(4))
        reader.integer()  # section
        definition, _drop, copy, namespace, _tablespace = (reader.text() for _ in range(5))
        if version >= (1, 14, 0):
            reader.text()  # access method
        if version >= (1, 16, 0):
            reader.integer()  # relkind
        owner = reader.text()
        reader.text()  # with OIDs
        while reader.string() is not None:
            pass  # dependencies
        state = reader.byte()
        offset = int.from_bytes(reader.raw(reader.offset_size), "little")
        yield Entry(
            number=number,
            table_oid=table_oid,
            oid=oid,
            tag=tag,
            description=description,
            definition=definition,
            copy=copy,
            namespace=namespace,
            owner=owner,
            has_data=state != _NO_DATA,
            offset=offset if state == _OFFSET_SET else None,
        )


def block(file: BinaryIO, archive: Archive, entry: Entry, where: str) -> Iterator[bytes]:
    """The chunks of an entry's data block as they stand in the file, still compressed.

    Raises:
        BadInputError: the block is not there, is another entry's, or ends early.
    """
    reader = _Reader(file, where).sized(archive.int_size, archive.offset_size)
    if entry.offset is not None:
        file.seek(min(entry.offset, reader.size))
        kind, number = reader.byte(), reader.integer()
        if (kind, number) != (_BLOCK_DATA, entry.number):
            raise reader.error(f"the data of entry {entry.number}", f"block {kind} of {number}")
        yield from _chunks(reader)
        return
    # A dump written to a pipe knows no offsets: walk the blocks.
    file.seek(archive.data_start)
    while file.tell() < reader.size:
        kind, number = reader.byte(), reader.integer()
        if kind not in {_BLOCK_DATA, _BLOCK_BLOBS}:
            raise reader.error("a data block", f"block type {kind}")
        if kind == _BLOCK_DATA and number == entry.number:
            yield from _chunks(reader)
            return
        if kind == _BLOCK_DATA:
            for _ in _chunks(reader):
                pass
        else:
            while reader.integer() != 0:  # each large object's OID, and then its chunks
                for _ in _chunks(reader):
                    pass
    raise reader.error(f"the data of entry {entry.number}", "the end of the file")


def _chunks(reader: _Reader) -> Iterator[bytes]:
    while (length := reader.integer()) != 0:
        if length < 0:
            raise reader.error("the length of a chunk", str(length))
        yield reader.raw(length)


def inflate(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Unpack zlib data, at most 1 MiB at a time.

    Raises:
        BadInputError: it is damaged, or ends before its own end.
    """
    stream = zlib.decompressobj()
    try:
        for chunk in chunks:
            data = chunk
            while data and not stream.eof:
                yield stream.decompress(data, _CHUNK)
                data = stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise BadInputError(
            "zlib data", str(error), where, "the dump is damaged; copy it again"
        ) from error
    if not stream.eof:
        raise BadInputError(
            "the end of the zlib data", "none", where, "the dump is cut off; copy it again"
        )


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
