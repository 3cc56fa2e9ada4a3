"""Ten million claims: who speaks of which fact, beside DuckDB's query for the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.test_timeline import MAKE, MERGE, measured

WITNESSES = """
import polars as pl
from pathlib import Path
from recon.collector import Source
from recon.config import CaseConfig, Domain
from recon.witnesses import witnesses
domains = {f"d{k}": Domain(organisation="acme", account=str(k)) for k in range(SOURCES)}
sources = [Source(f"s{k}", "records", f"d{k}", None, (), Path()) for k in range(SOURCES)]
config = CaseConfig("bench", "Bench", None, ("*",), domains, sources, ())
found = witnesses(config, pl.scan_parquet(FOLDER + "/events.parquet"))
assert found.facts() == 200_000
"""

DUCKDB = """
import duckdb
rows = duckdb.sql("select attribute, sources, count(*), min(subject) from (select subject,"
    " attribute, list_sort(list(distinct source)) as sources from '" + FOLDER + "/events.parquet'"
    " where kind = 'claim' and attribute is not null group by all) group by all").fetchall()
assert sum(row[2] for row in rows) == 200_000
actors = duckdb.sql("select source, basis, actor, min(row) from '" + FOLDER + "/events.parquet'"
    " where actor is not null group by all").fetchall()
assert actors
systems = duckdb.sql("select source, regexp_extract(subject, '^((?:s3|pg|git|log|records|trail):"
    "[^/?]+)', 1) as system, count(*) from '" + FOLDER + "/events.parquet' where kind <> 'snapshot'"
    " group by all").fetchall()
assert systems
"""


@pytest.mark.bench
def test_witnesses_of_ten_million_events(tmp_path: Path):
    measured(MAKE, tmp_path)
    measured(MERGE, tmp_path)
    for part in tmp_path.glob("part*.parquet"):
        part.unlink()
    ours, peer = measured(WITNESSES, tmp_path), measured(DUCKDB, tmp_path)
    print(f"\nrecon witnesses  {ours['seconds']:6.1f} s  {ours['gib']:.1f} GiB")
    print(f"DuckDB           {peer['seconds']:6.1f} s  {peer['gib']:.1f} GiB")
    print(f"ratio            {ours['seconds'] / peer['seconds']:6.2f}")
