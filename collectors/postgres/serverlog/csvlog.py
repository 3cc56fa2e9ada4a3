"""A csvlog: one record a message, text fields within quotes and over as many lines as they have.

The columns are those of PostgreSQL's documentation, "Using CSV-Format Log Output": 26 since 14;
24 in 13, which lacks the leader and the query id; 23 before, without the backend's type; 22
before 9.0, without the application's name.
A line feed within quotes is no end of a record: records begin where all quotes before are closed.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator

import polars as pl

from collectors.postgres.serverlog.lines import RECORD, Counts, split
from collectors.postgres.serverlog.unpack import Block

COLUMNS = (
    "time",
    "user",
    "database",
    "pid",
    "remote",
    "session",
    "session_line",
    "tag",
    "session_start",
    "vxid",
    "xid",
    "severity",
    "state",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_position",
    "context",
    "statement",
    "position",
    "location",
    "application",
    "backend_type",
    "leader_pid",
    "query_id",
)
START = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} "
    r'[A-Za-z0-9<>+:/_-]{1,40},(?:"|,)'
)
"""How a record begins: the time, then a user's name in quotes, or none."""
_QUOTED = r'"(?:[^"]|"")*"'
_MARK = "\x01"
_NOT_ALONE = rf'"|[^,]{_MARK}|{_MARK}[^,]'
_SHAPE = (
    rf"^[^,{_MARK}]+,{_MARK}?,{_MARK}?,[0-9]*,{_MARK}?,[0-9a-f.]*,[0-9]*,{_MARK}?,[^,{_MARK}]*,"
    rf"[^,{_MARK}]*,[0-9]*,\w+,[0-9A-Z]{{5}},{_MARK}?(?:(?:,[^,]*){{8,10}}|(?:,[^,]*){{12}})$"
)
"""Of a record with its quoted fields as marks: what stands up to the message, then the rest."""
BAD = "lines that are no record of a csvlog"
_RESTARTS = 64
"""Times that a block is read anew after a lost quote; what is left then is skipped."""


def hold(data: bytes) -> int:
    """Where the last record of some whole lines begins, counted by quotes."""
    odd = data.count(b'"') % 2
    end = len(data)
    if not odd:
        # The last line may end a record, which then is whole.
        return end
    while end > 0:
        start = data.rfind(b"\n", 0, end - 1) + 1
        odd ^= data.count(b'"', start, end) % 2
        if not odd:
            return start
        end = start
    return 0


def records(blocks: Iterator[Block], counts: Counts) -> Iterator[pl.DataFrame]:
    """Records of each block, as :data:`~collectors.postgres.serverlog.lines.RECORD`."""
    for block in blocks:
        lines = split(block, counts).with_columns(
            quotes=pl.col("text").str.count_matches('"', literal=True)
        )
        for _ in range(_RESTARTS):
            good, lines = _read(lines, counts)
            yield good
            if lines.is_empty():
                break
        else:
            counts.skip(BAD, int(lines["line"][0]), lines.height)


def _read(lines: pl.DataFrame, counts: Counts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records up to the first whose quotes cannot be right, and the lines after that one."""
    lines = lines.with_columns(
        begins=(pl.col("quotes").cum_sum() - pl.col("quotes")) % 2 == 0
    ).with_columns(of=pl.col("begins").cum_sum())
    blank = pl.col("begins") & (pl.col("text") == "")
    counted = lines.filter(~blank)
    found = _joined(counted)
    # With each quoted field as one mark, a record has a comma between each two columns, and a
    # mark stands alone: what is quoted itself (a record within a statement) reads otherwise.
    bare = pl.col("text").str.replace_all(_QUOTED, _MARK)
    found = found.with_columns(
        good=pl.col("text").str.contains(START)
        & bare.str.contains(_SHAPE)
        & ~bare.str.contains(_NOT_ALONE)
    )
    rest = lines.clear()
    lost = found.filter(~pl.col("good") & (pl.col("lines") > 1)).head(1)
    if lost.height:
        at = int(lost["line"][0])
        after = lines.filter(pl.col("line") > at)
        starts = after.filter(pl.col("text").str.contains(START))
        until = int(starts["line"][0]) if starts.height else int(lines["line"][-1]) + 1
        counts.skip(BAD, at, until - at)
        counts.records += 1
        rest = lines.filter(pl.col("line") >= until).drop("begins", "of")
        found = found.filter(pl.col("line") < at)
        lines = lines.filter(pl.col("line") < at)
    counts.blank += lines.filter(blank).height
    found = found.with_columns(
        record=pl.int_range(1, found.height + 1, dtype=pl.UInt64) + counts.records
    )
    counts.records += found.height
    for line in found.filter(~pl.col("good"))["line"]:
        counts.skip(BAD, line)
    good = found.filter("good")
    counts.first += good.height
    counts.joined += int(good["lines"].sum()) - good.height
    return _fields(good), rest


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines of one record as one text."""
    lines = lines.with_columns(
        single=pl.col("begins") & pl.col("begins").shift(-1, fill_value=True)
    )
    one = lines.filter("single").select("line", "offset", "text", lines=pl.lit(1, dtype=pl.UInt64))
    several = (
        lines.filter(~pl.col("single"))
        .group_by("of", maintain_order=True)
        .agg(
            pl.col("line").first(),
            pl.col("offset").first(),
            pl.col("text").str.join("\n"),
            lines=pl.len().cast(pl.UInt64),
        )
        .drop("of")
    )
    return pl.concat([one, several]).sort("line")


def _fields(good: pl.DataFrame) -> pl.DataFrame:
    names = list(COLUMNS)
    text = "\n".join(good["text"])
    fields = None
    if good.height:
        try:
            fields = pl.read_csv(
                text.encode(),
                has_header=False,
                new_columns=names,
                schema=dict.fromkeys(names, pl.String),
                infer_schema=False,
            )
        except pl.exceptions.PolarsError:
            fields = None
    if fields is None or fields.height != good.height:
        rows = list(map(_exact, good["text"]))
        fields = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    empty = [pl.when(pl.col(name) != "").then(name).alias(name) for name in names]
    return (
        good.drop("text", "good")
        .hstack(fields.with_columns(empty).get_columns())
        .with_columns(
            message=with_place(),
            host=pl.col("remote").str.replace(r":[0-9]+$", ""),
            ambiguous=pl.lit(False),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in RECORD.items())
    )


def with_place() -> pl.Expr:
    """The message and where in the statement it is about, as a stderr log writes them."""
    place = pl.coalesce("position", "internal_position")
    return pl.col("message").fill_null("") + pl.when(place.is_not_null()).then(
        pl.format(" at character {}", place)
    ).otherwise(pl.lit(""))


def _exact(text: str) -> list[str | None]:
    """One record by Python's reader, as many fields as there are columns."""
    found: list[str] = []
    with contextlib.suppress(csv.Error, StopIteration):
        found = next(csv.reader(io.StringIO(text, newline="")))
    return [*found, *[None] * len(COLUMNS)][: len(COLUMNS)]
