"""Our own reader: a run of WAL segments to frames, with Python, numpy and polars alone.

Every record's CRC-32C is checked. Records that are not kept never become Python objects:
headers are columns, gathered from the 64-bit words at which records start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal import decode
from collectors.postgres.wal.firstblock import first_block
from collectors.postgres.wal.layout import (
    HEAP,
    HEAP2,
    HEAP_OPS,
    MULTI_INSERT,
    OP_MASK,
    OPS,
    PG_EPOCH_US,
    TRANSACTION,
    show_lsn,
)
from collectors.postgres.wal.model import RECORDS, WRITES
from collectors.postgres.wal.record import split
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.stream import Part, Stop, parts
from recon.collector import Sha256, Warn
from recon.schema import INSTANT, frame

NAME = "recon's own reader"
_PLAIN = 34
"""Length of a COMMIT or ABORT that holds a time and no more."""
_SHORT_OF_8 = 0x08FF
"""Its first two bytes behind the header: short main data, of 8 bytes."""
_COMMIT, _ABORT = 0x00, 0x20
_INSERT, _UPDATE, _DELETE, _MANY = 1, 2, 3, 4
_WRITES = {"insert": _INSERT, "update": _UPDATE, "delete": _DELETE}


def _table(values: dict[tuple[int, int], int]) -> npt.NDArray[np.uint8]:
    """(resource manager, operation) to a number: at ``rmgr * 256 + info``, 0 for all others."""
    table = np.zeros((256, 256), np.uint8)
    for (rmgr, op), value in values.items():
        for info in range(256):
            if info & OP_MASK[rmgr] == op:
                table[rmgr, info] = value
    return table.reshape(-1)


_KEPT = _table({(rmgr, op): 1 for rmgr, ops in OPS.items() for op in ops})
_WRITTEN = _table(
    {(HEAP, op): _WRITES[word] for op, word in HEAP_OPS.items()} | {(HEAP2, MULTI_INSERT): _MANY}
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reader found in one run; ``timeline`` is not yet told apart."""

    records: pl.DataFrame
    writes: pl.DataFrame
    stop: Stop | None
    warnings: Sequence[Warn] = ()


def scan(run: Sequence[Checked], wanted: Collection[int]) -> Scan:
    """Records, and rows written to relation files whose number is wanted or created in the run."""
    records = [pl.DataFrame(schema=RECORDS)]
    writes = [pl.DataFrame(schema=WRITES)]
    warnings: list[Warn] = []
    numbers = set(wanted)
    stop = None
    items = item_of(run)
    for part in parts(run):
        stop = part.stop
        if not len(part.starts):
            continue
        major = run[part.index].major
        kept, unread = _kept(part, major)
        warnings += [
            Warn(
                items(lsn),
                f"lsn {show_lsn(lsn)}",
                "expected a record of a known shape; found lengths that do not fit; left out",
            )
            for lsn in unread
        ]
        created = kept["created"].drop_nulls().str.split("/").list.get(2).cast(pl.UInt32)
        numbers.update(created.to_list())
        records.append(kept)
        writes.append(_written(part, numbers, major))
    return Scan(
        with_items(pl.concat(records), run),
        with_items(pl.concat(writes), run),
        stop,
        warnings,
    )


def item_of(run: Sequence[Checked]) -> Callable[[int], Sha256]:
    """A function from an LSN to the item of the segment in which it lies."""
    names = {one.number: one.segment.sha256 for one in run}
    size = run[0].geometry.segment
    return lambda lsn: names[lsn // size]


def with_items(rows: pl.DataFrame, run: Sequence[Checked]) -> pl.DataFrame:
    """Fill ``item`` from ``lsn``: the segment in which it lies."""
    numbers = pl.Series([one.number for one in run], dtype=pl.UInt64)
    names = pl.Series([one.segment.sha256 for one in run], dtype=pl.String)
    number = pl.col("lsn") // run[0].geometry.segment
    return rows.with_columns(
        item=number.replace_strict(numbers, names, default=None, return_dtype=pl.String)
    )


def _kept(part: Part, major: int) -> tuple[pl.DataFrame, list[int]]:
    at = np.flatnonzero(_KEPT[part.kind])
    start, length, info = part.starts[at], part.lengths[at], part.info[at]
    last = len(part.words) - 1
    body, rest = (part.words[np.minimum(start + word, last)] for word in (3, 4))
    # The usual COMMIT: one byte that says "short main data", its length 8, and the time.
    plain = (
        (part.rmgr[at] == TRANSACTION)
        & (length == _PLAIN)
        & ((info == _COMMIT) | (info == _ABORT))
        & ((body & np.uint64(0xFFFF)) == _SHORT_OF_8)
    )
    micros = (body >> np.uint64(16) | rest << np.uint64(48)).view(np.int64)
    # Beyond what a datetime holds (a forged time) the other path says so.
    plain &= (micros >= -(2**55)) & (micros <= 2**55)
    usual = at[plain]
    simple = pl.DataFrame(
        {
            "lsn": part.lsn[usual],
            "prev": part.words[part.starts[usual] + 1],
            "xid": part.xid[usual],
            "commit": part.info[usual] == _COMMIT,
            "time": micros[plain] + PG_EPOCH_US,
        }
    ).select(
        *("lsn", "prev", "xid"),
        rmgr=pl.lit("Transaction"),
        op=pl.when("commit").then(pl.lit("COMMIT")).otherwise(pl.lit("ABORT")),
        time=pl.col("time").cast(INSTANT),
    )
    rows, unread = [], []
    # One by one: lists of varying length, and few of them.
    others = at[~plain]
    for lsn, text in zip(part.lsn[others].tolist(), part.chosen(others), strict=True):
        record = split(text, major)
        row = decode.row(record, major) if record else None
        if row is None:
            unread.append(lsn)
        else:
            rows.append({"lsn": lsn, **row})
    both = pl.concat([frame(rows, RECORDS), simple], how="diagonal")
    return both.select(list(RECORDS)).sort("lsn"), unread


def _written(part: Part, numbers: set[int], major: int) -> pl.DataFrame:
    kind = _WRITTEN[part.kind]
    at = np.flatnonzero(kind)
    if not len(at) or not numbers:
        return pl.DataFrame(schema=WRITES)
    block = first_block(part.words, part.starts[at], part.lengths[at], major)
    wanted = np.isin(block.number, np.fromiter(numbers, np.uint32, len(numbers)))
    theirs = np.flatnonzero(wanted & block.known & (block.fork == 0))
    if not len(theirs):
        return pl.DataFrame(schema=WRITES)
    at = at[theirs]
    kind = kind[at]
    inserts = (kind == _INSERT).astype(np.uint64)
    many = np.flatnonzero(kind == _MANY)
    # One by one: the count stands at the end of headers of varying length.
    inserts[many] = [_inserted(text, major) for text in part.chosen(at[many])]
    return (
        pl.DataFrame(
            {
                "xid": part.xid[at],
                "space": block.space[theirs],
                "database": block.database[theirs],
                "number": block.number[theirs],
                "inserts": inserts,
                "updates": (kind == _UPDATE).astype(np.uint64),
                "deletes": (kind == _DELETE).astype(np.uint64),
                "lsn": part.lsn[at],
            }
        )
        .group_by("xid", "space", "database", "number")
        .agg(pl.col("inserts", "updates", "deletes").sum(), pl.col("lsn").min())
        .select(
            pl.lit(None, dtype=pl.UInt32).alias("timeline"),
            "xid",
            pl.format("{}/{}/{}", "space", "database", "number").alias("file"),
            *("inserts", "updates", "deletes", "lsn"),
            pl.lit(None, dtype=pl.String).alias("item"),
        )
    )


def _inserted(text: bytes, major: int) -> int:
    record = split(text, major)
    if record is None or len(record.main) < 4:  # noqa: PLR2004  (flags, padding, count)
        return 0
    return int.from_bytes(record.main[2:4], "little")
