"""The view of when rows were written over millions of events, beside DuckDB's ASOF JOIN.

Half of the events are commits, a quarter row versions of a capture, a quarter claims; a checkpoint
stands every thousand transactions. DuckDB does the bracket by checkpoints alone: its peer is
"brackets", in the same run and in turns. Seconds are of CPU, of all threads, start-up included; a
ratio is the median of those of each turn.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

import pytest

from tests.bench.test_timeline import measured

ROUNDS = int(os.environ.get("RECON_BENCH_ROUNDS", "5"))

MAKE = """
import polars as pl
from recon import schema
folder, n = FOLDER, COUNT // 4
begun = 1_770_000_000_000_000
xid = pl.int_range(1000, 1000 + 2 * n, eager=True)
def moment(x, extra=0):
    return (begun + x * 10_000 + extra).cast(schema.INSTANT)
def frame(i, **columns):
    none = {name: pl.lit(None).cast(dtype) for name, dtype in schema.EVENTS.items()}
    none |= {"source": pl.lit("db"), "domain": pl.lit("d"), "part": pl.lit(0, pl.UInt32),
             "item": pl.lit("1" * 64)}
    return pl.DataFrame({"x": i}).lazy().select(
        columns.get(name, value).cast(schema.EVENTS[name]).alias(name)
        for name, value in none.items()).drop("row")
x = pl.col("x")
rows = xid.gather_every(2)
names = pl.concat_list(pl.lit("pg:db/d/ml.t"), pl.format("xid:7/{}", "x"))
seen = pl.lit(begun + 3 * n * 10_000).cast(schema.INSTANT)
parts = [
    frame(xid, kind=pl.lit("wal.commit"), subject=pl.lit("pg:db"), clock=pl.lit("pg:db/commit"),
          basis=pl.lit("stamped"), earliest=moment(x), latest=moment(x), stream=pl.lit("pg:7/1"),
          position=x * 100, names=pl.concat_list(pl.format("xid:7/{}", "x")),
          citation=pl.format("lsn {}", "x")),
    frame(rows, kind=pl.lit("row.version"), subject=pl.format("model:m{}@1", "x"),
          clock=pl.lit("pg:db/commit"), basis=pl.lit("stamped"), names=names,
          item=pl.lit("2" * 64), citation=pl.format("line {}", "x")),
    frame(rows, kind=pl.lit("claim"), subject=pl.format("model:m{}@1", "x"),
          attribute=pl.lit("artifact"), value=pl.lit("v"), digest=pl.format("sha256:{}", "x"),
          clock=pl.lit("pg:db/ml.t.at"), basis=pl.lit("asserted"), earliest=moment(x, -5000),
          latest=moment(x, -5000), names=names, item=pl.lit("2" * 64),
          citation=pl.format("line {}", "x"), part=pl.lit(1)),
    frame(xid.gather_every(1000), kind=pl.lit("wal.checkpoint"), subject=pl.lit("pg:db"),
          clock=pl.lit("pg:db/server"), basis=pl.lit("stamped"), earliest=moment(x),
          latest=moment(x, 999_999), stream=pl.lit("pg:7/1"), position=x * 100 + 1,
          value=pl.format("redo=0/0 next_xid={} oldest_running_xid={} online", "x", x - 5),
          citation=pl.format("lsn c{}", "x")),
    frame(xid.head(1), kind=pl.lit("snapshot"), subject=pl.lit("pg:db/d"),
          clock=pl.lit("pg:db/server"), basis=pl.lit("stamped"), earliest=seen, latest=seen,
          item=pl.lit("2" * 64), citation=pl.lit("")),
]
pl.concat(parts).with_row_index("row").with_columns(pl.col("row").cast(pl.UInt64)).select(
    list(schema.EVENTS)).collect().write_parquet(folder + "/events.parquet")
"""

WRITTEN = """
import polars as pl
from recon import schema
from recon.rules import Timeline
from recon.written import written
coverage = pl.DataFrame(schema=schema.COVERAGE).lazy()
found = written(Timeline(pl.scan_parquet(FOLDER + "/events.parquet"), coverage))
assert found.filter(pl.col("basis") == "commit record").height == COUNT // 4
"""

BRACKET = """
import polars as pl
from recon import schema
from recon.rules import Timeline
from recon.written.brackets import brackets
from recon.written.captured import own, shown
from recon.written.histories import histories
from recon.written.items import items
from recon.written.points import checkpoints, points
from recon.written.rows import placed, row_versions
timeline = Timeline(pl.scan_parquet(FOLDER + "/events.parquet"),
                    pl.DataFrame(schema=schema.COVERAGE).lazy())
versions = row_versions(timeline).collect()
counts = checkpoints(timeline)
known = histories(timeline, versions.select("source", "system").unique(), counts)
counted = points(timeline, counts, known)
rows = placed(timeline, versions, known, counted).rows
held = own(versions, items(timeline))
assert brackets(rows, counted, shown(rows, held), held).height == COUNT // 4
"""

DUCKDB = """
import duckdb
db = duckdb.connect()
db.execute("set memory_limit='3GB'; set threads=2")
events = FOLDER + "/events.parquet"
db.execute("create view e as from '" + events + "'")
db.execute('''create table p as select regexp_extract(value, 'next_xid=([0-9]+)', 1)::bigint x,
  regexp_extract(value, 'running_xid=([0-9]+)', 1)::bigint r, earliest, latest, "row" n
  from e where kind = 'wal.checkpoint' ''')
db.execute('''create table v as select "row" n, split_part(names[2], '/', 2)::bigint x from e
  where kind = 'row.version' ''')
got = db.execute('''select count(*), count(a.earliest), count(b.latest) from v
  asof left join p a on v.x >= a.x asof left join p b on v.x < b.r''').fetchone()
assert got[0] == COUNT // 4
"""


@pytest.mark.bench
@pytest.mark.parametrize("count", [1_000_000, 10_000_000])
def test_view_over_millions_of_events(tmp_path: Path, count: int):
    measured(MAKE, tmp_path, COUNT=count)
    works = {"DuckDB ASOF JOIN": DUCKDB, "brackets": BRACKET, "all bases": WRITTEN}
    turns = [
        {name: measured(work, tmp_path, COUNT=count) for name, work in works.items()}
        for _ in range(ROUNDS)
    ]
    busy = os.getloadavg()[0]
    print(f"\n{count:,} events, {count // 4:,} row versions; {ROUNDS} turns, load {busy:.1f}")
    for name in works:
        cpu = median(turn[name]["cpu"] for turn in turns)
        ratio = median(turn[name]["cpu"] / turn["DuckDB ASOF JOIN"]["cpu"] for turn in turns)
        gib = max(turn[name]["gib"] for turn in turns)
        print(f"{name:18} {cpu:7.2f} s {ratio:5.2f} × {gib:6.2f} GiB")
