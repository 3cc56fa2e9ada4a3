"""What became of relation files that WAL shows being created: their row of ``pg_class``, first use.

A new relation's row of ``pg_class`` follows its Storage CREATE within a few records, in the
tuple of a Heap INSERT or in the page image that stands for it. It gives OID, name and kind.
A file that is created and gets no such row is new storage of an old relation
(TRUNCATE, REINDEX, SET TABLESPACE). A row named ``pg_temp_OID`` is the copy by which the server
rewrites the relation OID.
Source: ``catalog/pg_class.h``; ``heapam.c`` (``heap_xlog_insert``); ``cluster.c``
(``make_new_heap``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.image import page_of
from collectors.postgres.wal.layout import HEAP, HEAP2, MULTI_INSERT, OP_MASK, XLOG
from collectors.postgres.wal.model import DEFINED
from collectors.postgres.wal.record import Block, Record, split
from recon.schema import frame

FIRST_NORMAL_OID = 16384
"""Below it lie the catalogue's own relations (``access/transam.h``)."""
_PG_CLASS = 1259
_TUPLE_HEADER, _STORED_HEADER = 23, 5
_FPI = (0xA0, 0xB0)
_INIT = (3).to_bytes(4, "little")
"""The fork that Storage CREATE names where the relation is unlogged (``relpath.h``)."""
_WALK = 2000
"""Records looked at after a CREATE; what is not found by then stays unknown."""
_FROZEN_PAGES_SINCE = 18
"""From 18 on ``pg_class`` has ``relallfrozen`` before ``reltoastrelid``."""


def definitions(records: pl.DataFrame, fetch: Fetch, major: int) -> pl.DataFrame:
    """Rows of :data:`DEFINED`: one for each file that a committed transaction created.

    Not those of a database that it created.

    ``records``: those of one run, with their timelines.
    """
    commits = commits_of(records)
    created = records.filter((pl.col("op") == "CREATE") & pl.col("created").is_not_null())
    copied = pl.col("op").str.starts_with("CREATE") & pl.col("database").is_not_null()
    copies = set(records.filter(copied).select("timeline", "xid", "database").iter_rows())
    rows = []
    # One by one: relations are created seldom, and each needs a few records read.
    for timeline, lsn, xid, file in created.select("timeline", "lsn", "xid", "created").iter_rows():
        ended = commits.get((timeline, xid))
        _, database, number = map(int, file.split("/"))
        if ended is None or number < FIRST_NORMAL_OID:
            continue
        if (timeline, xid, database) in copies:
            # With its database, from another: the rows of pg_class are copied as pages.
            continue
        walk = fetch.onward(lsn, ended, _WALK)
        found = _follow(((at, split(text, major)) for at, text in walk), file, ended, major)
        rows.append({"timeline": timeline, "xid": xid, "created": file, **found})
    return frame(rows, DEFINED)


def commits_of(records: pl.DataFrame) -> dict[tuple[int, int], int]:
    """(timeline, xid) to the LSN of its COMMIT; of subtransactions too."""
    ended = records.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
    busy = records.filter(pl.col("created").is_not_null()).select("timeline", "xid").unique()
    direct = ended.select("timeline", "xid", "lsn").join(busy, on=["timeline", "xid"])
    below = (
        ended.filter(pl.col("subxids").is_not_null())
        .select("timeline", xid="subxids", lsn="lsn")
        .explode("xid")
        .join(busy, on=["timeline", "xid"])
    )
    both = pl.concat([direct, below])
    return {(timeline, xid): lsn for timeline, xid, lsn in both.iter_rows()}


def _follow(
    walk: Iterable[tuple[int, Record | None]], file: str, ended: int, major: int
) -> Mapping[str, object]:
    """Columns of :data:`DEFINED` from the records between a CREATE (the first) and the COMMIT."""
    space, database, number = (int(part) for part in file.split("/"))
    found: dict[str, object] = {"use": None}
    maker, hidden = 0, False
    for at, record in walk:
        if at == ended:
            return found | {"use": "none", "told": found.get("oid") is not None or not hidden}
        if record is None:
            continue
        if not maker:
            maker = record.xid
            found["logged"] = record.main[12:16] != _INIT
            continue
        if any(one.file == (space, database, number) and one.fork == 0 for one in record.blocks):
            told = found.get("oid") is not None or not hidden
            return found | {"use": _use(record), "told": told}
        if (
            record.xid == maker
            and record.blocks[:1]
            and (record.blocks[0].file[1:] == (database, _PG_CLASS))
        ):
            row = _pg_class(record, major)
            if row and row.oid == number:
                found |= row._asdict()
            hidden |= _hides(record)
    return found | {"told": found.get("oid") is not None}


def _hides(record: Record) -> bool:
    """Whether it may have inserted a row that cannot be seen, on an image that does not unpack."""
    block = record.blocks[0]
    inserts = record.rmgr == HEAP and record.info & OP_MASK[HEAP] == 0
    return inserts and not block.data and page_of(block) is None


def _use(record: Record) -> str:
    """How a file was first written to: ``rows``, ``pages`` (images), ``other`` (an index, say)."""
    if record.rmgr == HEAP or (
        record.rmgr == HEAP2 and record.info & OP_MASK[HEAP2] == MULTI_INSERT
    ):
        return "rows"
    if record.rmgr == XLOG and record.info & OP_MASK[XLOG] in _FPI:
        return "pages"
    return "other"


class _Row(NamedTuple):
    """What is read of a row of ``pg_class``."""

    oid: int
    name: str
    namespace: int
    kind: str


def _pg_class(record: Record, major: int) -> _Row | None:
    """A row inserted into ``pg_class``."""
    if record.rmgr != HEAP or record.info & OP_MASK[HEAP] != 0 or len(record.main) < 2:  # noqa: PLR2004
        return None
    block = record.blocks[0]
    if block.data:
        data = block.data
        if len(data) <= _STORED_HEADER:
            return None
        # infomask2, infomask, t_hoff; then what stands behind the tuple's header of 23 bytes.
        body = data[_STORED_HEADER + data[4] - _TUPLE_HEADER :]
    else:
        body = _from_image(block, int.from_bytes(record.main[:2], "little"))
    shift = 4 if major >= _FROZEN_PAGES_SINCE else 0
    if len(body) < 116 + shift:
        return None
    oid, name, namespace = struct.unpack_from("<I64sI", body)
    kind = chr(body[115 + shift])
    if kind not in "riStvmcfpI":
        return None
    return _Row(oid, name.split(b"\0", 1)[0].decode("utf-8", "replace"), namespace, kind)


def _from_image(block: Block, line: int) -> bytes:
    """The tuple's data from a page image; empty where it cannot be had."""
    page = page_of(block)
    if page is None or line < 1 or 24 + line * 4 > len(page):
        return b""
    (pointer,) = struct.unpack_from("<I", page, 24 + (line - 1) * 4)
    start, length = pointer & 0x7FFF, pointer >> 17
    tuple_ = page[start : start + length]
    return tuple_[tuple_[22] :] if len(tuple_) > _TUPLE_HEADER else b""
