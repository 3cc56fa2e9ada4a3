"""The text of ``pg_waldump`` by columns: see :mod:`collectors.postgres.wal.waldump`."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal import decode
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.model import NO_RECORDS, RECORDS
from collectors.postgres.wal.plainlines import cut, plain_rows
from collectors.postgres.wal.record import split
from collectors.postgres.wal.shelf import plain_of, whole
from recon.schema import frame

Numbers = npt.NDArray[np.int64]

_HEAD = (
    r"^rmgr: (?P<rmgr>[A-Za-z0-9]+) +len \(rec/tot\): +\d+/ +\d+, tx: +(?P<xid>\d+), "
    r"lsn: (?P<high>[0-9A-F]+)/(?P<low>[0-9A-F]+), prev (?P<prev_high>[0-9A-F]+)/"
    r"(?P<prev_low>[0-9A-F]+), desc: (?P<op>[A-Z_]+)(?:\+INIT)?(?P<rest>.*)$"
)
_TIME = r"^ (\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC"
_FILE = r"^(?:base/(\d+)|global|pg_tblspc/(\d+)/[^/]+/(\d+))/(\d+)(?:_init)?$"
_FREE_TEXT = ("PREPARE", "COMMIT_PREPARED", "ABORT_PREPARED", "RESTORE_POINT")
_FROM_BYTES = (
    *(*_FREE_TEXT, "CHECKPOINT_SHUTDOWN", "CHECKPOINT_ONLINE", "END_OF_RECOVERY"),
    *("CREATE_FILE_COPY", "CREATE_WAL_LOG", "DROP"),
)
_OF_DATABASES = "Database"
"""The resource manager whose records are read from the bytes, whatever they are called."""
_FROM_TEXT = (
    *("COMMIT", "ABORT", "CREATE", "TRUNCATE", "LOCK"),
    *("SWITCH", "BACKUP_END", "OVERWRITE_CONTRECORD"),
)
_OP = re.compile(_HEAD.split("(?:", maxsplit=1)[0].encode())
"""A record's line, up to its operation."""
_OF_INTEREST = frozenset(one.encode() for one in (*_FROM_TEXT, *_FROM_BYTES))
_FORGED_LINES = 4
"""Lines of the shape of a record that could stand in a name of at most 200 bytes, and one more."""

LINES: dict[str, pl.DataType] = {"at": pl.Int64(), **RECORDS, "free": pl.Boolean()}
"""Records that lines gave, in the order of the output; ``free``: a line that holds free text,
or none that can be read, after which a forged one may stand."""
_NO_LINES = pl.DataFrame(schema=LINES)


class Lines(NamedTuple):
    """A piece of the output."""

    at: Numbers
    """Numbers of the plain lines."""
    plain: pl.DataFrame
    """Rows of PLAIN from these."""
    rest: pl.DataFrame
    """Rows of :data:`LINES` from others that count."""
    total: int
    """All lines."""


def read_lines(text: bytes) -> Lines:
    """Whole lines to records, as far as text can prove them."""
    letters, begins, ends = cut(text)
    at, plain = plain_rows(letters, begins, ends)
    others = np.delete(np.arange(len(begins)), at)
    places = zip(others.tolist(), begins[others].tolist(), ends[others].tolist(), strict=True)
    lines = [(at, line) for at, b, e in places if not _idle(line := text[b:e])]
    if not lines:
        return Lines(at, plain, _NO_LINES, len(begins))
    rest = pl.DataFrame(
        # Names in the text may be of any encoding; what is parsed is ASCII.
        [(at, line.decode("utf-8", "replace")) for at, line in lines],
        schema={"at": pl.Int64, "line": pl.String},
        orient="row",
    )
    heads = rest.with_columns(pl.col("line").str.extract_groups(_HEAD).alias("head")).unnest("head")
    found = pl.concat([_NO_LINES, _columns(heads)], how="diagonal").select(list(LINES))
    return Lines(at, plain, found, len(begins))


def _idle(line: bytes) -> bool:
    """Whether it is that of a record of which nothing is kept."""
    found = _OP.match(line)
    return found is not None and found["op"] not in _OF_INTEREST


def lines_of(text: bytes) -> pl.DataFrame:
    """One row a line, numbered from 0."""
    # Names in the text may be of any encoding; what is parsed is ASCII.
    clean = text if text.isascii() else text.decode("utf-8", "replace").encode()
    return pl.scan_lines(io.BytesIO(clean), name="line").collect().with_row_index("at")


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
            origin=pl.when(op == "COMMIT").then(
                rest.str.extract(r"; origin: node (\d+), lsn ").cast(pl.UInt32, strict=False)
            ),
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
    """``base/5/16390`` to ``1663/5/16390``; null for free space, visibility and what is no path."""
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


@dataclass(slots=True)
class Settler:
    """Records of one pass from its lines; what text cannot prove is read from the bytes."""

    fetch: Fetch
    major: int
    only: str | None = None
    """The one resource manager of this pass, where there are several passes."""
    refused: int = 0
    """Lines that no record supports."""
    _before: list[bool] = field(default_factory=lambda: [False] * _FORGED_LINES)
    """Of the last lines: ``free``."""
    _high: int = 0
    """The tool prints by ascending LSN: the highest that a line proved."""
    _early: set[int] = field(default_factory=set)
    """LSNs above it that were read from the bytes: a line that comes to them repeats them."""

    def take(self, text: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The next whole lines as rows of PLAIN, and of RECORDS."""
        at, plain, lines, count = read_lines(text)
        if not lines.height and not self._early and not any(self._before):
            # Nearly all pieces of the text.
            self._high = max([self._high, *plain["lsn"].top_k(1)])
            return plain, NO_RECORDS
        free = np.zeros(count, np.bool_)
        free[lines["at"].to_numpy()] = lines["free"].fill_null(True).to_numpy()
        free = np.concatenate([np.array(self._before), free])
        self._before = free[len(free) - _FORGED_LINES :].tolist()
        near = np.any([free[back : back + count] for back in range(_FORGED_LINES + 1)], axis=0)
        asked, sure = self._part(near, plain, at, lines)
        plain = plain.filter(~near[at])
        if self._early:
            known = list(self._early)
            plain = plain.filter(~pl.col("lsn").is_in(known))
            sure = sure.filter(~pl.col("lsn").is_in(known))
        top = max([self._high, *plain["lsn"].top_k(1), *sure["lsn"].top_k(1)])
        rows = self._from_bytes(asked, top)
        self._high = top
        self._early = {lsn for lsn in self._early if lsn > top}
        if not rows:
            more, rest = plain_of(sure)
            return (pl.concat([plain, more]).sort("lsn") if more.height else plain), rest
        # A forged line may lead to a record that its own line tells as well.
        both = pl.concat([whole(plain), sure, frame(rows, RECORDS)])
        return plain_of(both.unique("lsn", keep="first", maintain_order=True).sort("lsn"))

    def _part(
        self, near: npt.NDArray[np.bool_], plain: pl.DataFrame, at: Numbers, lines: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """LSN and operation of lines that text cannot prove; rows of RECORDS of the others."""
        there = pl.lit(pl.Series(near[lines["at"].to_numpy()], dtype=pl.Boolean))
        by_bytes = pl.col("op").is_in(_FROM_BYTES) | (pl.col("rmgr") == _OF_DATABASES)
        doubtful = there | by_bytes.fill_null(True)
        parted = lines.with_columns(_doubtful=doubtful)
        shown = whole(plain.filter(near[at])).with_columns(at=pl.Series(at[near[at]]))
        asked = pl.concat(
            [parted.filter("_doubtful").select("at", "lsn", "op"), shown.select("at", "lsn", "op")]
        )
        sure = parted.filter(~pl.col("_doubtful")).select(list(RECORDS))
        return asked.sort("at").filter(pl.col("lsn").is_not_null()), sure

    def _from_bytes(self, lines: pl.DataFrame, top: int) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        # One by one: checkpoints and prepared transactions are few, and forged lines are fewer.
        for lsn, op in lines.select("lsn", "op").iter_rows():
            text = self.fetch.record(lsn)
            record = split(text, self.major) if text else None
            row = decode.row(record, self.major) if record else None
            self.refused += row is None or row["op"] != op
            if row is None or lsn <= self._high or lsn in self._early:
                continue
            if self.only and row["rmgr"] != self.only:
                # Another pass tells of it.
                continue
            rows.append({"lsn": lsn, **row})
            if lsn > top:
                self._early.add(lsn)
        return rows


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
