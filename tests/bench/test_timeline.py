"""Ten million events: merged into one timeline, and an as-of answered, beside DuckDB.

Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = 10_000_000
SOURCES = 4

MAKE = """
import polars as pl
from recon import schema
folder, count, sources = FOLDER, COUNT, SOURCES
n = count // sources
for k in range(sources):
    i = pl.int_range(n, eager=True).alias("i")
    h = i.hash(k)
    start = 1_770_000_000_000_000
    frame = pl.DataFrame({"i": i, "h": h}).lazy().select(
        source=pl.lit(f"s{k}"), domain=pl.lit("d"), kind=pl.lit("claim"),
        subject=pl.format("model:m{}@1", pl.col("h") % 200_000),
        attribute=pl.lit("artifact"),
        value=pl.col("h").cast(pl.String).str.pad_start(64, "0"),
        digest=pl.lit("sha256:") + pl.col("h").cast(pl.String).str.pad_start(64, "0"),
        clock=pl.lit(f"s3:s{k}"), basis=pl.lit("stamped").cast(schema.BASIS),
        earliest=(start + pl.col("i") * 1000 + (pl.col("h") % 5_000_000).cast(pl.Int64))
        .cast(schema.INSTANT),
        latest=(start + pl.col("i") * 1000 + (pl.col("h") % 5_000_000).cast(pl.Int64) + 999_999)
        .cast(schema.INSTANT),
        stream=pl.lit(f"log:{k}"), position=pl.col("i").cast(pl.UInt64), actor=pl.lit("ci"),
        names=pl.concat_list(pl.lit("sha256:") + pl.col("h").cast(pl.String)),
        item=pl.lit(f"{k:064x}"), citation=pl.format("line {}", pl.col("i") + 1),
        part=pl.lit(0, dtype=pl.UInt32),
    )
    frame.sink_parquet(f"{folder}/part{k}.parquet")
"""

MERGE = """
from pathlib import Path
from recon.timeline import merge
folder = Path(FOLDER)
merge(sorted(folder.glob("part*.parquet")), folder / "events.parquet")
"""

RELATE = """
import polars as pl
from recon.time.relations import relations
relations(pl.scan_parquet(FOLDER + "/events.parquet")).sink_parquet(FOLDER + "/relations.parquet")
"""

ASOF = """
from datetime import UTC, datetime
import polars as pl
from recon import schema
from recon.asof import asof_frame
from recon.rules import Timeline
coverage = pl.DataFrame(schema=schema.COVERAGE).lazy()
timeline = Timeline(pl.scan_parquet(FOLDER + "/events.parquet"), coverage)
answers = asof_frame(timeline, datetime.fromtimestamp(1_770_001_200, UTC), SUBJECTS)
assert answers.height
"""

DUCKDB_MERGE = """
import duckdb
db = duckdb.connect()
db.execute("set memory_limit='3GB'; set temp_directory='" + FOLDER + "/tmp'")
db.execute("copy (select * from '" + FOLDER + "/part*.parquet' order by earliest, item, citation,"
           " part) to '" + FOLDER + "/duck.parquet' (format parquet, compression zstd)")
"""

DUCKDB_ASOF = """
import duckdb
rows = duckdb.sql("select subject, attribute, source, arg_max(value, latest) from '" + FOLDER +
    "/events.parquet' where kind = 'claim' and latest <= make_timestamptz(1770001200000000)"
    " WHERE_SUBJECT group by all").fetchall()
assert rows
"""

MEASURE = """
import resource, json, sys, time
start = time.perf_counter()
exec(compile(sys.stdin.read(), "bench", "exec"))
print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time(),
                  "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
"""


def measured(code: str, folder: Path, **names: object) -> dict[str, float]:
    names = {"FOLDER": str(folder), "COUNT": COUNT, "SOURCES": SOURCES, **names}
    for name, value in names.items():
        code = (
            code.replace(name, repr(value))
            if name != "WHERE_SUBJECT"
            else code.replace(name, str(value))
        )
    out = subprocess.run(
        [sys.executable, "-c", MEASURE], input=code, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(out.splitlines()[-1])


@pytest.mark.bench
def test_timeline_of_ten_million_events(tmp_path: Path):
    measured(MAKE, tmp_path)
    one = "model:m42@1"
    rows = [
        ("write the timeline", measured(MERGE, tmp_path), measured(DUCKDB_MERGE, tmp_path)),
        ("relations", measured(RELATE, tmp_path), None),
        (
            "as-of, one subject",
            measured(ASOF, tmp_path, SUBJECTS=[one]),
            measured(DUCKDB_ASOF, tmp_path, WHERE_SUBJECT=f"and subject = '{one}'"),
        ),
        (
            "as-of, all 200,000 subjects",
            measured(ASOF, tmp_path, SUBJECTS=[]),
            measured(DUCKDB_ASOF, tmp_path, WHERE_SUBJECT=""),
        ),
    ]
    print(f"\n{COUNT:,} events of {SOURCES} sources")
    print(f"{'':28} {'recon':>9} {'peak':>9} {'DuckDB':>9} {'peak':>9} {'ratio':>6}")
    for name, ours, peer in rows:
        line = f"{name:28} {ours['seconds']:8.2f}s {ours['gib']:5.2f}GiB"
        if peer:
            line += f" {peer['seconds']:8.2f}s {peer['gib']:5.2f}GiB"
            line += f" {ours['seconds'] / peer['seconds']:6.2f}"
        print(line)
    assert (tmp_path / "events.parquet").stat().st_size > 0
