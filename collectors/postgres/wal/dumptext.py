"""The text of ``pg_waldump`` by columns: see :mod:`collectors.postgres.wal.waldump`."""

from __future__ import annotations

import io

import polars as pl

from collectors.postgres.wal import decode
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.model import RECORDS
from collectors.postgres.wal.record import split
from recon.schema import frame

_HEAD = (
    r"^rmgr: (?P<rmgr>[A-Za-z0-9]+) +len \(rec/tot\): +\d+/ +\d+, tx: +(?P<xid>\d+), "
    r"lsn: (?P<high>[0-9A-F]+)/(?P<low>[0-9A-F]+), prev (?P<prev_high>[0-9A-F]+)/"
    r"(?P<prev_low>[0-9A-F]+), desc: (?P<op>[A-Z_]+)(?:\+INIT)?(?P<rest>.*)$"
)
_PLAIN_START = "rmgr: Transaction len (rec/tot):     34/    34, tx: "
_PLAIN_WIDTH = 139
"""Characters of a plain COMMIT line, but for the upper halves of its two LSNs."""
_TIME = r"^ (\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC"
_FILE = r"^(?:base/(\d+)|global|pg_tblspc/(\d+)/[^/]+/(\d+))/(\d+)$"
_FREE_TEXT = ("PREPARE", "COMMIT_PREPARED", "ABORT_PREPARED", "RESTORE_POINT")
_FROM_BYTES = (*_FREE_TEXT, "CHECKPOINT_SHUTDOWN", "CHECKPOINT_ONLINE", "END_OF_RECOVERY")
_FROM_TEXT = (
    *("COMMIT", "ABORT", "CREATE", "TRUNCATE", "LOCK"),
    *("SWITCH", "BACKUP_END", "OVERWRITE_CONTRECORD"),
)
_FORGED_LINES = 4
"""Lines of the shape of a record that could stand in a name of at most 200 bytes, and one more."""

LINES: dict[str, pl.DataType] = {**RECORDS, "free": pl.Boolean()}
"""Records that lines gave, in the order of the output; ``free``: a line that holds free text,
or none that can be read, after which a forged one may stand."""


def lines_of(text: bytes) -> pl.DataFrame:
    """One row a line, numbered from 0."""
    # Names in the text may be of any encoding; what is parsed is ASCII.
    clean = text if text.isascii() else text.decode("utf-8", "replace").encode()
    return pl.scan_lines(io.BytesIO(clean), name="line").collect().with_row_index("at")


def read_lines(text: bytes) -> pl.DataFrame:
    """Rows of :data:`LINES`."""
    lines = lines_of(text)
    plain = plain_rows(lines)
    rest = lines.join(plain.select("at"), on="at", how="anti")
    heads = rest.with_columns(pl.col("line").str.extract_groups(_HEAD).alias("head")).unnest("head")
    empty = pl.DataFrame(schema={"at": lines.schema["at"], **LINES})
    found = pl.concat([empty, plain, _columns(heads)], how="diagonal").sort("at")
    return found.select(list(LINES))


def plain_rows(lines: pl.DataFrame) -> pl.DataFrame:
    """The usual COMMIT or ABORT, whose fields stand at fixed places: no pattern is matched."""
    line = pl.col("line")
    lines = lines.filter(line.str.starts_with(_PLAIN_START)).with_columns(
        width=line.str.len_bytes()
    )
    found = []
    for width in lines["width"].unique().sort():
        digits, odd = divmod(width - _PLAIN_WIDTH, 2)
        # ABORT is a letter shorter.
        word, shift = ("ABORT", 1) if odd else ("COMMIT", 0)
        digits += shift
        if not 1 <= digits <= 8:  # noqa: PLR2004  (32 bits)
            continue
        second = 69 + digits + 9 + 7
        desc = second + digits + 9
        found.append(
            lines.filter(
                (pl.col("width") == width)
                & (line.str.slice(62, 7) == ", lsn: ")
                & (line.str.slice(second - 7, 7) == ", prev ")
                & (line.str.slice(desc, len(word) + 9) == f", desc: {word} ")
                & line.str.ends_with(" UTC")
            )
            .select(
                "at",
                xid=line.str.slice(52, 10).str.strip_chars_start().cast(pl.UInt32, strict=False),
                lsn=_lsn(line.str.slice(69, digits), line.str.slice(70 + digits, 8)),
                prev=_lsn(line.str.slice(second, digits), line.str.slice(second + digits + 1, 8)),
                time=_time(line.str.slice(-30, 26)),
                rmgr=pl.lit("Transaction"),
                op=pl.lit(word),
                free=pl.lit(False),
            )
            .drop_nulls()
        )
    return pl.concat(found) if found else pl.DataFrame(schema={"at": pl.get_index_type(), **LINES})


def _columns(heads: pl.DataFrame) -> pl.DataFrame:
    """The other lines, by their patterns."""
    rest, op = pl.col("rest"), pl.col("op")
    kept = op.is_in([*_FROM_TEXT, *_FROM_BYTES]).fill_null(False)
    free = (op.is_in(_FREE_TEXT) | op.is_null()).fill_null(True)
    return (
        heads.filter(kept | free)
        .with_columns(rest=pl.when(kept).then(rest))
        .select(
            "at",
            "rmgr",
            "op",
            xid=pl.col("xid").cast(pl.UInt32, strict=False),
            lsn=_lsn(pl.col("high"), pl.col("low")),
            prev=_lsn(pl.col("prev_high"), pl.col("prev_low")),
            time=pl.when(op.is_in(["COMMIT", "ABORT"])).then(_time(rest.str.extract(_TIME))),
            files=_listed("rels").list.eval(_file(pl.element())),
            stats=_listed("dropped stats").list.eval(
                pl.element().str.extract(r"^2/(\d+/\d+)$").drop_nulls()
            ),
            subxids=_listed("subxacts").list.eval(pl.element().cast(pl.UInt32, strict=False)),
            created=pl.when(op.is_in(["CREATE", "TRUNCATE"])).then(
                _file(rest.str.extract(r"^ (\S+)"))
            ),
            locks=pl.when(op == "LOCK").then(_locks()),
            redo=pl.when(op == "BACKUP_END").then(
                _lsn(rest.str.extract(r"^ ([0-9A-F]+)/"), rest.str.extract(r"/([0-9A-F]+)\s*$"))
            ),
            free=free,
        )
    )


def _listed(name: str) -> pl.Expr:
    return pl.col("rest").str.extract(rf"; {name}:((?: [^ ;]+)+)").str.strip_chars().str.split(" ")


def _locks() -> pl.Expr:
    """``DB/OID`` of a lock that its own transaction logged."""
    parts = pl.col("rest").str.extract_groups(r"^ xid (\d+) db (\d+) rel (\d+) *$").struct
    own = parts.field("1") == pl.col("xid")
    return pl.when(own).then(pl.concat_list(pl.format("{}/{}", parts.field("2"), parts.field("3"))))


def _file(path: pl.Expr) -> pl.Expr:
    """``base/5/16390`` to ``1663/5/16390``; null for other forks and what is no path."""
    parts = path.str.extract_groups(_FILE).struct
    space = pl.coalesce(
        parts.field("2"),
        pl.when(parts.field("1").is_not_null()).then(pl.lit("1663")).otherwise(pl.lit("1664")),
    )
    database = pl.coalesce(parts.field("1"), parts.field("3"), pl.lit("0"))
    return pl.format("{}/{}/{}", space, database, parts.field("4"))


def _lsn(high: pl.Expr, low: pl.Expr) -> pl.Expr:
    def number(text: pl.Expr) -> pl.Expr:
        return text.str.to_integer(base=16, dtype=pl.UInt64, strict=False)

    return number(high) * 2**32 + number(low)


def _time(text: pl.Expr) -> pl.Expr:
    """``2026-11-23 06:30:37.579776``: seconds and microseconds apart, which is ten times faster."""
    second = text.str.head(-7).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    micros = text.str.tail(6).cast(pl.Int64, strict=False)
    return (second + pl.duration(microseconds=micros)).dt.replace_time_zone("UTC")


def settle(lines: pl.DataFrame, fetch: Fetch, major: int) -> tuple[pl.DataFrame, int]:
    """The records of all lines; what text cannot prove is read from the bytes at its LSN.

    Gives also how many lines no record supports.
    """
    near = pl.col("free")
    for back in range(1, _FORGED_LINES + 1):
        near = near | pl.col("free").shift(back, fill_value=False)
    doubtful = (near | pl.col("op").is_in(_FROM_BYTES)).fill_null(True)
    sure = lines.filter(~doubtful)
    rows, refused = [], 0
    # One by one: checkpoints and prepared transactions are few, and forged lines are fewer.
    for lsn, op in lines.filter(doubtful & pl.col("lsn").is_not_null()).select("lsn", "op").rows():
        text = fetch.record(lsn)
        record = split(text, major) if text else None
        row = decode.row(record, major) if record else None
        if row is not None:
            rows.append({"lsn": lsn, **row})
        refused += row is None or row["op"] != op
    if not rows:
        return sure.select(list(RECORDS)), refused
    both = pl.concat([sure.select(list(RECORDS)), frame(rows, RECORDS)])
    return both.unique("lsn", keep="first", maintain_order=True).sort("lsn"), refused


def count(text: bytes, file: str) -> pl.DataFrame:
    """Rows of :data:`WRITES` from the lines of a pass over one relation file.

    Literal searches alone, and patterns for what they leave: lines are as many as rows.
    """
    line = pl.col("line")

    def ones(*ops: str) -> pl.Expr:
        here = (line.str.contains(f", desc: {op}", literal=True) for op in ops)
        return pl.any_horizontal(*here).cast(pl.UInt64)

    # The row must be of the file's main fork, and its first block reference.
    main = line.str.contains(f", blkref #0: rel {file} blk ", literal=True)
    rows = (
        lines_of(text)
        .filter(line.str.starts_with("rmgr: Heap") & main)
        .with_columns(
            several=line.str.contains(", desc: MULTI_INSERT", literal=True),
            inserts=ones("INSERT"),
            updates=ones("UPDATE", "HOT_UPDATE"),
            deletes=ones("DELETE"),
            # Widths are fixed up to records of a megabyte.
            xid=pl.when(line.str.slice(46, 6) == ", tx: ")
            .then(line.str.slice(52, 10).str.strip_chars_start())
            .otherwise(line.str.extract(r", tx: +(\d+),")),
        )
    )
    many = rows.filter("several").with_columns(
        inserts=pl.coalesce(
            line.str.extract(r" (\d+) tuples"), line.str.extract(r" ntuples: (\d+)"), pl.lit("0")
        ).cast(pl.UInt64, strict=False)
    )
    first = pl.col("line").sort_by("at").first()
    return (
        pl.concat([rows.filter(~pl.col("several")), many])
        .group_by(pl.col("xid").cast(pl.UInt32, strict=False))
        .agg(pl.col("inserts", "updates", "deletes").sum(), line=first)
        .filter(pl.sum_horizontal("inserts", "updates", "deletes") > 0)
        .select(
            pl.lit(None, dtype=pl.UInt32).alias("timeline"),
            "xid",
            pl.lit(file).alias("file"),
            *("inserts", "updates", "deletes"),
            _lsn(
                line.str.extract(r", lsn: ([0-9A-F]+)/"), line.str.extract(r"/([0-9A-F]+), prev ")
            ).alias("lsn"),
            pl.lit(None, dtype=pl.String).alias("item"),
        )
    )
