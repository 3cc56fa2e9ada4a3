"""All rules, their findings grouped, and the two answers at size, beside DuckDB on the same file.

``RECON_BENCH_MILLIONS`` chooses the sizes, ``1,10`` for instance. Each run is a process of its own,
so that its memory can be told; times are CPU seconds. The peers: for the rules "subjects with more
than one digest, with first and last evidence"; for the two answers a query of the same joins that
gives the same values, which is asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.bench.answering import make

pytestmark = pytest.mark.bench
SIZES = [float(one) for one in os.environ.get("RECON_BENCH_MILLIONS", "1").split(",")]
ROUNDS = 3
ROOT = Path(__file__).parents[2]

_OPEN = """
import resource, sys
from datetime import UTC, datetime
import polars as pl
folder = sys.argv[1]
at = 1_765_000_000_000_000
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def timeline():
    from recon.rules import Timeline
    frames = (pl.scan_parquet(f"{folder}/{name}.parquet") for name in ("events", "coverage"))
    return Timeline(*frames, relations=pl.scan_parquet(folder + "/relations.parquet"))
"""
_RULES = """
from recon.config import CaseConfig
from recon.reconcile import reconcile
own = timeline()
config = CaseConfig("c", "?", None, ("*",), {}, (), ())
begin = spent()
found = reconcile(config, "0" * 64, own)
assert found.findings
"""
_EACH = """
from dataclasses import replace
from recon.config import CaseConfig
from recon.reconcile import reconcile
from recon.rules import RULES
def timed(one):
    def check(given):
        begin = spent()
        found = list(one.check(given))
        used = spent() - begin
        if used >= 0.05:
            print(f"    {one.name:<30} {used:6.2f} CPU s")
        return found
    return replace(one, check=check)
own = timeline()
begin = spent()
config = CaseConfig("c", "?", None, ("*",), {}, (), ())
reconcile(config, "0" * 64, own, [timed(one) for one in RULES])
"""
_ASOF = """
from recon.asof import asof_frame
own = timeline()
begin = spent()
found = asof_frame(own, datetime.fromtimestamp(at / 1_000_000, UTC))
done = spent() - begin
key = ["subject", "attribute", "source"]
found.select(*key, "then_value", "now_value").sort(key).write_parquet(sys.argv[2])
begin = spent() - done
"""
_DISAGREE = """
import duckdb
begin = spent()
found = duckdb.sql(f'''
    select subject, attribute, count(distinct digest), min(earliest), max(latest),
      arg_min(item || ':' || citation || '#' || part, earliest),
      arg_max(item || ':' || citation || '#' || part, latest)
    from '{folder}/events.parquet' where kind = 'claim' and digest is not null
    group by all having count(distinct digest) > 1
''').to_arrow_table()
assert found.num_rows
"""
_SAID = """
import duckdb
begin = spent()
duckdb.sql("set timezone = 'UTC'")
found = duckdb.sql(f'''
    with e as (select * from '{folder}/events.parquet'),
      seen as (select source, item, min(earliest) as seen_from, max(latest) as seen_to
        from e where kind = 'snapshot' group by all),
      version as (select source, item, citation, latest as written,
        list_filter(names, lambda x: starts_with(x, 'pg:'))[1] as tab
        from e where kind in ('row.version', 'row.dumped')),
      claim as (select e.*, tab, seen_to,
        coalesce(written, case when basis = 'stamped' then latest end) as stored
        from e left join version using (source, item, citation) left join seen using (source, item)
        where kind = 'claim'),
      said as (select subject, attribute, source,
        arg_max(struct_pack(value := value, item := item, citation := citation, part := part),
          coalesce(stored, case when tab is not null then seen_to end, latest)) as s
        from claim where case when stored is not null then stored <= make_timestamptz({at})
          when seen_to <= make_timestamptz({at}) then true when tab is not null then false
          else earliest <= make_timestamptz({at}) end group by all),
      state as (select source, tab, max(seen_to) as newest from claim where tab is not null
        group by all),
      says as (select subject, attribute, source,
        arg_max(struct_pack(value := value, item := item, citation := citation, part := part),
          latest) as s
        from claim left join state using (source, tab)
        where (tab is null or seen_to = newest)
          and (earliest is null or earliest <= make_timestamptz({at})) group by all)
    select subject, attribute, source, said.s.value as then_value, says.s.value as now_value,
      said.s.item as then_item, says.s.item as now_item,
      said.s.citation as then_citation, says.s.citation as now_citation
    from said full join says using (subject, attribute, source) order by all
''').to_arrow_table()
done = spent() - begin
key = ["subject", "attribute", "source"]
pl.from_arrow(found).select(*key, "then_value", "now_value").sort(key).write_parquet(sys.argv[2])
begin = spent() - done
"""
_PRINT = """
# Of this program alone: ru_maxrss begins with what the one that started it had.
status = open("/proc/self/status").read()
peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
print(spent() - begin, peak)
"""


def run(script: str, *arguments: Path) -> tuple[float, int]:
    """CPU seconds and peak MiB."""
    # DuckDB may draw its progress before it.
    seconds, peak = said(script, *arguments).split()[-2:]
    return float(seconds), int(peak)


def said(script: str, *arguments: Path) -> str:
    """What a process of its own prints, these two behind it."""
    done = subprocess.run(
        [sys.executable, "-c", _OPEN + script + _PRINT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("millions", SIZES)
def test_rules_and_answers_beside_duckdb(millions: float, tmp_path: Path):
    make(tmp_path, round(millions * 1_000_000))
    best: dict[str, tuple[float, int]] = {}
    for _ in range(ROUNDS):
        for name, script, target in (
            ("all rules", _RULES, "none"),
            ("DuckDB, digests that disagree", _DISAGREE, "none"),
            ("as-of, all subjects", _ASOF, "ours"),
            ("DuckDB, the same answers", _SAID, "theirs"),
        ):
            found = run(script, tmp_path, tmp_path / target)
            best[name] = min(found, best.get(name, found))
    assert pl.read_parquet(tmp_path / "ours").equals(pl.read_parquet(tmp_path / "theirs"))
    print(f"\n{millions:g} M events, load {os.getloadavg()[0]:.1f}")
    for (name, own), (_, peer) in zip(
        list(best.items())[::2], list(best.items())[1::2], strict=True
    ):
        ratio = own[0] / peer[0]
        print(
            f"  {name:<20} {own[0]:6.2f} CPU s, {own[1]} MiB; DuckDB {peer[0]:.2f} CPU s, "
            f"{peer[1]} MiB: {ratio:.2f} ×"
        )
    # What one rule makes others use: it is counted for the first that asks.
    print("\n".join(said(_EACH, tmp_path).splitlines()[:-1]))
