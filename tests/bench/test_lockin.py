"""When records left their writer's control: ten million digests, beside DuckDB's self-join."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.test_timeline import measured

COUNT = 10_000_000

MAKE = """
import polars as pl
from datetime import UTC, datetime
from recon import schema
row = pl.int_range(COUNT, dtype=pl.UInt64)
begin = pl.lit(datetime(2026, 1, 1, tzinfo=UTC)).dt.cast_time_unit("us")
# Every tenth digest is named by two sources, one second apart; the others by one.
named = pl.when(row % 10 == 1).then(row - 1).otherwise(row)
told = pl.select(row=row).lazy().select(
    "row", source=pl.format("s{}", row % 4), domain=pl.format("d{}", row % 4),
    kind=pl.lit("claim"), item=pl.format("i{}", row % 4), clock=pl.lit("log:a"),
    basis=pl.lit("asserted"), earliest=begin + pl.duration(seconds=row),
    latest=begin + pl.duration(seconds=row),
    digest=pl.lit("sha256:") + named.cast(pl.String).str.zfill(64),
).with_columns(names=pl.concat_list("digest"))
have = told.collect_schema().names()
told.select(
    (pl.col(name) if name in have else pl.lit(None)).cast(kind).alias(name)
    for name, kind in schema.EVENTS.items()
).sink_parquet(FOLDER + "/events.parquet")
"""

OURS = """
import polars as pl
from datetime import UTC, datetime
from pathlib import Path
from recon import schema
from recon.audit.lockin import lock_in
from recon.collector import Source
from recon.config import CaseConfig, Domain
from recon.rules.base import Timeline
from recon.witnesses import witnesses
domains = {f"d{k}": Domain(organisation="acme", account=str(k)) for k in range(4)}
sources = [Source(f"s{k}", "records", f"d{k}", None, (), Path()) for k in range(4)]
config = CaseConfig("bench", "Bench", None, ("*",), domains, sources, ())
events = pl.scan_parquet(FOLDER + "/events.parquet")
clocks = Timeline(events, pl.LazyFrame(schema=schema.COVERAGE)).clocks
found = lock_in(config, events, [], witnesses(config, events), clocks,
                datetime(2027, 1, 1, tzinfo=UTC))
assert sum(one.records for one in found) == COUNT
assert sum(sum(one.out.values()) for one in found) == COUNT // 5
"""

DUCKDB = """
import duckdb
rows = duckdb.sql("with told as (select source, digest, min(latest) as first from '" + FOLDER +
    "/events.parquet' where digest is not null group by all) select e.source, count(*),"
    " min(o.first - e.earliest), max(o.first - e.earliest),"
    " quantile_disc(o.first - e.earliest, 0.5)"
    " from '" + FOLDER + "/events.parquet' e join told o on e.digest = o.digest and"
    " e.source <> o.source group by all").fetchall()
assert sum(row[1] for row in rows) == COUNT // 5
"""


@pytest.mark.bench
def test_lock_in_of_ten_million_digests(tmp_path: Path):
    measured(MAKE, tmp_path, COUNT=COUNT)
    ours, peer = (measured(code, tmp_path, COUNT=COUNT) for code in (OURS, DUCKDB))
    print(f"\nlock-in of recon audit  {ours['seconds']:6.1f} s  {ours['gib']:.1f} GiB")
    print(f"DuckDB                  {peer['seconds']:6.1f} s  {peer['gib']:.1f} GiB")
    print(f"ratio                   {ours['seconds'] / peer['seconds']:6.2f}")
