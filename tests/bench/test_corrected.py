"""Two readings compared after clock correction, beside DuckDB's ASOF JOIN.

``RECON_BENCH_MILLIONS`` chooses the sizes, ``1,10`` for instance. Each run is a process of its own,
so that its memory can be told; times are CPU seconds of the correction alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
SIZES = [int(one) for one in os.environ.get("RECON_BENCH_MILLIONS", "1").split(",")]
ROUNDS = 3

_MADE = """
import sys
import polars as pl
from recon import schema
from recon.time.offsets import OFFSETS
count, path = int(sys.argv[1]), sys.argv[2]
n = pl.int_range(count, eager=True)
begin, day = 1_740_787_200_000_000, 86_400_000_000
# Eight clocks over a year, measured against the first one day by day, four of them with a step.
clock = pl.DataFrame({"n": n}).select(pl.format("clock-{}", pl.col("n") % 8)).to_series()
at = begin + n * (365 * day // count)
pl.DataFrame({"row": n, "clock": clock, "earliest": at, "latest": at}).with_columns(
    pl.col("row").cast(pl.UInt64), pl.col("earliest", "latest").cast(schema.INSTANT)
).write_parquet(path + "/events.parquet")
rows = []
for number in range(1, 8):
    for at_day in range(365):
        off = number * 3_600_000_000 * (2 if number > 3 and at_day > 180 else 1)
        since = begin + at_day * day
        rows.append(("clock-0", f"clock-{number}", since, since + day, off - 10**6, off + 10**6,
                     off - 10**6, off + 10**6, 24, 24, 24, True))
pl.DataFrame(rows, schema=OFFSETS, orient="row").write_parquet(path + "/offsets.parquet")
"""

_OURS = """
import resource, sys, time
import polars as pl
from recon.time.between import Between
from recon.time.corrected import Corrected, Reading, READING, before
path = sys.argv[1]
offsets = pl.read_parquet(path + "/offsets.parquet")
events = pl.scan_parquet(path + "/events.parquet")
start = time.process_time()
clocks = Corrected(Between.of(offsets, offsets))
both = events.with_columns(
    clock_b=pl.col("clock").shift(3), earliest_b=pl.col("earliest").shift(3),
    latest_b=pl.col("latest").shift(3),
)
other = Reading("clock_b", "earliest_b", "latest_b")
frame = clocks.apart(both, READING, other, "x").select(before("x").sum(), pl.col("x_least").sum())
found = frame.collect(engine="streaming")
spent = time.process_time() - start
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

_THEIRS = """
import resource, sys, time
import duckdb
path = sys.argv[1]
start = time.process_time()
duckdb.sql(f'''
    with o as (select second as clock, make_timestamp(since) at time zone 'UTC' as since, low, high
               from '{path}/offsets.parquet')
    select sum(epoch_us(earliest) - coalesce(high, 0)), sum(epoch_us(latest) - coalesce(low, 0))
    from '{path}/events.parquet' e asof left join o on e.clock = o.clock and e.earliest >= o.since
''').fetchall()
spent = time.process_time() - start
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def run(script: str, *arguments: str) -> tuple[float, int]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # DuckDB may draw its progress before it.
    spent, memory = done.stdout.split()[-2:] if done.stdout.strip() else ("0", "0")
    return float(spent), int(memory)


@pytest.mark.parametrize("millions", SIZES)
def test_correction_beside_an_asof_join(millions: int, tmp_path: Path):
    run(_MADE, str(millions * 1_000_000), str(tmp_path))
    best: dict[str, tuple[float, int]] = {}
    for _ in range(ROUNDS):
        for name, script in (("compared", _OURS), ("DuckDB", _THEIRS)):
            found = run(script, str(tmp_path))
            best[name] = min(found, best.get(name, found))
    peer = best["DuckDB"][0]
    print(f"\n{millions} M events, load {os.getloadavg()[0]:.1f}")
    for name, (spent, memory) in best.items():
        print(f"  {name:<13} {spent:.2f} CPU s, {memory} MiB, {spent / peer:.2f} × DuckDB")
    assert peer > 0
