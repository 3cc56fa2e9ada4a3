r"""Dumps of ``pg_dump -Fc`` as events: their contents, and the rows of claimed tables.

A row as it stands in the archive (COPY text: tabs between columns, ``\N`` for null)::

    credit-risk	2.3.1	0f343b09…	5d0c1f3b…	2026-02-14 10:05:00.118+00

The header's time is the local time of the machine that ran pg_dump, when it began, without a zone:
the interval covers every zone, unless the case says which one it was.
The rows are those of one snapshot, taken when pg_dump had connected: at that time or soon after.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import polars as pl

from collectors.postgres import restore
from collectors.postgres.archive import Archive, Entry, block, inflate, read_archive
from collectors.postgres.claims import COLUMN
from collectors.postgres.scratch import root, scratch_folder
from recon.collector import Item, Warn
from recon.errors import BadInputError
from recon.instants import interval

MAX_TABLE = 1 << 33
"""Bytes of one table, unpacked; a small file can unpack to any size."""
_NAME = re.compile(r'"(?:[^"]|"")+"|[^\s".,()]+')
_COPY = re.compile(
    rf"COPY (?:{_NAME.pattern})(?:\.(?:{_NAME.pattern}))? "
    rf"\(((?:{_NAME.pattern})(?:, (?:{_NAME.pattern}))*)\) FROM stdin;\s*\Z"
)
_END = b"\\.\n"
_ESCAPES = {"\\b": "\b", "\\f": "\f", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\v": "\v"}
# PostgreSQL's names (src/common/encnames.c) of those whose Python name differs.
_CODECS = {
    "UTF8": "utf-8",
    "SQL_ASCII": "utf-8",
    "WIN1250": "cp1250",
    "WIN1251": "cp1251",
    "WIN1252": "cp1252",
    "WIN866": "cp866",
    "WIN874": "cp874",
    "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr",
    "EUC_CN": "gb2312",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    **{f"LATIN{n}": f"latin_{n}" for n in range(1, 11)},
}


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump whose contents were read."""

    item: Item
    path: Path
    archive: Archive
    earliest: datetime
    latest: datetime


def read_dump(item: Item, path: Path, zone: str | None) -> Dump | Warn:
    """Header and contents of a dump; a warning where they cannot be read."""
    try:
        with path.open("rb") as file:
            archive = read_archive(file, item.native)
    except BadInputError as error:
        return Warn(item.sha256, "", str(error), "error")
    earliest, latest = begun(archive, zone)
    return Dump(item, path, archive, earliest, latest)


def begun(archive: Archive, zone: str | None) -> tuple[datetime, datetime]:
    """When pg_dump began, as an interval: one second where the zone is known, else 26 hours.

    In the autumn hour that comes twice, the header's summer-time flag tells which one it was.
    """
    if zone is None:
        return interval(archive.created.isoformat())
    local = archive.created.replace(tzinfo=ZoneInfo(zone), fold=0)
    other = local.replace(fold=1)
    both = sorted(moment.astimezone(UTC) for moment in (local, other))
    if archive.daylight in {0, 1}:
        fits = [m for m in (local, other) if bool(m.dst()) == bool(archive.daylight)]
        both = sorted(moment.astimezone(UTC) for moment in fits) or both
    return both[0], both[-1] + timedelta(microseconds=999_999)


def table_rows(
    dump: Dump, schema: str, table: str, columns: Sequence[str]
) -> tuple[pl.DataFrame | None, list[Warn]]:
    """Rows of one table as :class:`collectors.postgres.claims.Rows` wants them.

    None where the dump does not hold the table's rows, or not all of them.
    """
    item = dump.item
    where = f"{schema}.{table}"
    entry = dump.archive.find("TABLE DATA", schema, table)
    if entry is None or not entry.has_data:
        known = dump.archive.find("TABLE", schema, table) is not None
        return None, [
            Warn(
                item.sha256,
                "",
                f"expected the rows of {where}; found "
                f"{'its definition alone' if known else 'no table of that name'} in the dump; "
                "it says nothing of them (a dump may be of chosen tables or schemas)",
            )
        ]
    with scratch_folder("recon-dump-", root()) as folder:
        target = folder / "rows"
        try:
            names = copy_columns(entry.copy)
            with target.open("wb") as file:
                _unpack(dump, entry, file)
            frame, bad = _frame(target, where, names, columns)
        except BadInputError as error:
            return None, [Warn(item.sha256, f"toc {entry.number}", str(error), "error")]
    if bad is None:
        return frame, []
    message = f"expected {len(names)} columns; found another number; that row is left out"
    return frame, [Warn(item.sha256, bad, message, "error")]


def raw_rows(dump: Dump, entry: Entry) -> Iterator[bytes]:
    """The COPY text of a table, unpacked, in pieces; the end marker included.

    Raises:
        BadInputError: damaged, cut off, or packed in a way that cannot be read here.
    """
    with dump.path.open("rb") as file:
        where = f"{dump.item.native}, {entry.namespace}.{entry.tag}"
        chunks = block(file, dump.archive, entry, where)
        match dump.archive.compression:
            case "none":
                yield from chunks
            case "gzip":
                yield from inflate(chunks, where)
            case packed:
                yield from restore.rows(dump.path, entry, packed, where)


def _unpack(dump: Dump, entry: Entry, file: BinaryIO) -> None:
    """The table's rows to a file in UTF-8, without the end marker.

    Raises:
        BadInputError: no end marker, too large, or in an encoding that is not known.
    """
    where = f"{dump.item.native}, {entry.namespace}.{entry.tag}"
    name = _CODECS.get(dump.archive.encoding.upper(), dump.archive.encoding)
    try:
        decoder = codecs.getincrementaldecoder(name)("backslashreplace")
    except LookupError:
        raise BadInputError(
            f"an encoding of {sorted(_CODECS)}", name, where, "dump it with --encoding=UTF8"
        ) from None
    size = 0
    tail = b""
    for piece in raw_rows(dump, entry):
        size += len(piece)
        if size > MAX_TABLE:
            raise BadInputError(
                f"at most {MAX_TABLE} bytes in a table", "more", where, "dump fewer rows"
            )
        text = decoder.decode(piece).encode("utf-8", "backslashreplace")
        # The end marker and two empty lines close the data; they are held back.
        joined = tail + text
        file.write(joined[:-8])
        tail = joined[-8:]
    tail += decoder.decode(b"", final=True).encode("utf-8", "backslashreplace")
    body = tail.rstrip(b"\n") + b"\n"
    if not body.endswith(_END) or (size > len(body) and body[-4:-3] not in {b"\n", b""}):
        raise BadInputError(
            "the end marker of COPY", "none", where, "the dump is cut off; copy it again"
        )
    file.write(body[: -len(_END)])


def _frame(
    path: Path, where: str, names: Sequence[str], columns: Sequence[str]
) -> tuple[pl.DataFrame, str | None]:
    """The rows, and the citation of the first one with another number of columns."""
    nothing = pl.lit(None, pl.String)
    fields = pl.col("text").str.split("\t")
    citation = pl.format("row {} {}", pl.lit(where), pl.col("number"))
    if path.stat().st_size:
        lines = pl.read_lines(path, name="text", row_index_name="number", row_index_offset=1)
    else:
        lines = pl.DataFrame(schema={"number": pl.UInt32, "text": pl.String})
    frame = lines.select(
        "text",
        citation=citation,
        right=fields.list.len() == len(names),
        value=nothing,
        stamp=pl.lit(None, pl.Datetime("us", "UTC")),
        xid=nothing,
        **{
            COLUMN + name: unescape(fields.list.get(names.index(name), null_on_oob=True))
            for name in columns
            if name in names
        },
    )
    wrong = frame.filter(~pl.col("right"))
    bad = None if wrong.is_empty() else str(wrong["citation"][0])
    return frame.filter("right").drop("right"), bad


def unescape(field: pl.Expr) -> pl.Expr:
    """COPY's text format to the value (PostgreSQL documentation, COPY, Text Format).

    A doubled backslash is set aside first, as a zero byte, which no text of PostgreSQL holds:
    what is left of each backslash then begins an escape.
    """
    text = field.str.replace_all("\\\\", "\x00", literal=True)
    for escape, character in _ESCAPES.items():
        text = text.str.replace_all(escape, character, literal=True)
    text = text.str.replace_all("\x00", "\\", literal=True)
    return (
        pl.when(field == "\\N")
        .then(None)
        .when(field.str.contains("\\", literal=True))
        .then(text)
        .otherwise(field)
    )


def copy_columns(statement: str) -> list[str]:
    """Names of the columns in ``COPY schema.table (a, "b c") FROM stdin;``.

    Raises:
        BadInputError: it is none: a dump made with --inserts has no COPY.
    """
    match = _COPY.match(statement)
    if match is None:
        raise BadInputError(
            "COPY … FROM stdin", repr(statement[:80]), "the contents", "dump it without --inserts"
        )
    return [
        name[1:-1].replace('""', '"') if name.startswith('"') else name
        for name in _NAME.findall(match.group(1))
    ]
