"""Our own reader: a run of WAL segments to frames, with Python and polars alone.

Every record's CRC-32C is checked. Records that are not kept never become Python objects:
headers are columns, gathered from the 64-bit words at which records start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import polars as pl

from collectors.postgres.wal import decode
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
        if part.starts.is_empty():
            continue
        heads = _heads(part)
        kept, unread = _kept(part, heads, run[part.index].major)
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
        writes.append(_written(part, heads, numbers, run[part.index].major))
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


def _heads(part: Part) -> pl.DataFrame:
    """One row a record: place, length, LSN, and the fields of its header."""
    words, start = part.words, part.starts
    first, third = words[start], words[start + 2]
    return pl.DataFrame(
        {
            "start": start,
            "length": part.lengths,
            "lsn": part.lsn,
            "xid": (first // 2**32).cast(pl.UInt32),
            "prev": words[start + 1],
            "info": (third & 0xFF).cast(pl.UInt8),
            "rmgr": (third // 256 & 0xFF).cast(pl.UInt8),
        }
    )


def _kept(part: Part, heads: pl.DataFrame, major: int) -> tuple[pl.DataFrame, list[int]]:
    wanted = pl.any_horizontal(
        (pl.col("rmgr") == rmgr) & (pl.col("info") & OP_MASK[rmgr]).is_in(list(ops))
        for rmgr, ops in OPS.items()
    )
    kept = heads.filter(wanted)
    body, rest = part.words[kept["start"] + 3], part.words[kept["start"] + 4]
    abort = 0x20
    # The usual COMMIT: one byte that says "short main data", its length 8, and the time.
    plain = (
        (kept["rmgr"] == TRANSACTION)
        & (kept["length"] == _PLAIN)
        & ((kept["info"] == 0x00) | (kept["info"] == abort))
        & ((body & 0xFFFF) == _SHORT_OF_8)
    )
    micros = (body // 2**16 | (rest & 0xFFFF) * 2**48).reinterpret(signed=True)
    # Beyond what a datetime holds (a forged time) the other path says so.
    plain = plain & micros.is_between(-(2**55), 2**55)
    simple = (
        kept.with_columns(micros=micros + PG_EPOCH_US)
        .filter(plain)
        .select(
            "lsn",
            "prev",
            "xid",
            rmgr=pl.lit("Transaction"),
            op=pl.when(pl.col("info") == 0).then(pl.lit("COMMIT")).otherwise(pl.lit("ABORT")),
            time=pl.col("micros").cast(INSTANT),
        )
    )
    rows, unread = [], []
    # One by one: lists of varying length, and few of them.
    for start, length, lsn in kept.filter(~plain).select("start", "length", "lsn").iter_rows():
        record = split(part.record(start, length), major)
        row = decode.row(record, major) if record else None
        if row is None:
            unread.append(lsn)
        else:
            rows.append({"lsn": lsn, **row})
    both = pl.concat([frame(rows, RECORDS), simple], how="diagonal")
    return both.select(list(RECORDS)).sort("lsn"), unread


def _written(part: Part, heads: pl.DataFrame, numbers: set[int], major: int) -> pl.DataFrame:
    op = pl.col("info") & OP_MASK[HEAP]
    rows = heads.filter(
        ((pl.col("rmgr") == HEAP) & op.is_in(list(HEAP_OPS)))
        | ((pl.col("rmgr") == HEAP2) & (op == MULTI_INSERT))
    )
    if rows.is_empty() or not numbers:
        return pl.DataFrame(schema=WRITES)
    word = [part.words[rows["start"] + at] for at in (3, 4, 5)]
    rows = rows.with_columns(first_file(word[0], word[1], word[2], major)).filter(
        pl.col("file").is_in(list(numbers)) & pl.col("known")
    )
    if rows.is_empty():
        return pl.DataFrame(schema=WRITES)
    many = rows.filter(pl.col("rmgr") == HEAP2).select("start", "length")
    # One by one: the count stands at the end of headers of varying length.
    counts = pl.DataFrame(
        {
            "start": many["start"],
            "rows": pl.Series(
                [_inserted(part.record(*place), major) for place in many.iter_rows()],
                dtype=pl.UInt64,
            ),
        }
    )
    multi = pl.col("rmgr") == HEAP2
    one = pl.lit(1, dtype=pl.UInt64)
    none = pl.lit(0, dtype=pl.UInt64)
    single = ~multi
    return (
        rows.join(counts, on="start", how="left")
        .with_columns(op=pl.col("info") & OP_MASK[HEAP])
        .with_columns(
            inserts=pl.when(multi)
            .then(pl.col("rows").fill_null(0))
            .when(pl.col("op") == 0x00)
            .then(one)
            .otherwise(none),
            updates=pl.when(single & pl.col("op").is_in([0x20, 0x40])).then(one).otherwise(none),
            deletes=pl.when(single & (pl.col("op") == 0x10)).then(one).otherwise(none),  # noqa: PLR2004
        )
        .group_by("xid", "space", "database", "file")
        .agg(pl.col("inserts", "updates", "deletes").sum(), pl.col("lsn").min())
        .select(
            pl.lit(None, dtype=pl.UInt32).alias("timeline"),
            "xid",
            pl.format("{}/{}/{}", "space", "database", "file").alias("file"),
            *("inserts", "updates", "deletes", "lsn"),
            pl.lit(None, dtype=pl.String).alias("item"),
        )
    )


def first_file(
    first: pl.Series, second: pl.Series, third: pl.Series, major: int
) -> list[pl.Series]:
    """The file of a record's first block reference, from the three words after its header.

    Its place depends on whether a page image precedes it, and whether that is packed.
    """
    image = (first // 2**8 & 0x10) > 0
    kind = second & 0xFF
    packed = ((kind & (0x1C if major >= 15 else 0x02)) > 0) & ((kind & 0x01) > 0)  # noqa: PLR2004
    at = [
        (first // 2**32, second & 0xFFFFFFFF, second // 2**32),
        (
            second // 2**8 & 0xFFFFFFFF,
            second // 2**40 | (third & 0xFF) * 2**24,
            third // 2**8 & 0xFFFFFFFF,
        ),
        (
            second // 2**24 & 0xFFFFFFFF,
            second // 2**56 | (third & 0xFFFFFF) * 2**8,
            third // 2**24 & 0xFFFFFFFF,
        ),
    ]
    # The first reference is block 0; the low half of the next byte is the fork, 0 the main one.
    columns = [((first & 0x0FFF) == 0).alias("known")]
    for place, name in enumerate(("space", "database", "file")):
        bare, plain, tight = (layout[place] for layout in at)
        with_image = tight.zip_with(packed, plain)
        columns.append(with_image.zip_with(image, bare).cast(pl.UInt32).alias(name))
    return columns


def _inserted(text: bytes, major: int) -> int:
    record = split(text, major)
    if record is None or len(record.main) < 4:  # noqa: PLR2004  (flags, padding, count)
        return 0
    return int.from_bytes(record.main[2:4], "little")
