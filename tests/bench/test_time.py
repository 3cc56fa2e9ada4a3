"""Clocks and proofs at size, beside DuckDB's grouped minimum over the same events and laws.

``RECON_BENCH_MILLIONS`` chooses the sizes, else 1, 3 and 10; the plot of cost over size is in
``build/``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl
import pytest

from recon import schema
from recon.time.bounds import bounds
from recon.time.offsets import offsets
from recon.time.pairs import law_pairs
from recon.time.relations import relations

pytestmark = pytest.mark.bench
SIZES = [float(one) for one in os.environ.get("RECON_BENCH_MILLIONS", "1,3,10").split(",")]
ROUNDS = 3
BUILD = Path(__file__).resolve().parents[2] / "build"
DAYS = 365
SUBJECTS, LENGTH = 200_000, 20


def made(count: int, path: Path) -> None:
    """Commits by one clock, and rows by another that name them, over a year."""
    number = pl.int_range(count // 2, eager=True)
    digest = pl.DataFrame({"n": number}).select(d=pl.format("git:{}", pl.col("n").hash(1)))["d"]
    begin = 1_772_323_200_000_000 - DAYS * 86_400_000_000
    at = begin + number * (DAYS * 86_400_000_000 // (count // 2))
    lag = (number * 7919) % 5_000_000
    commits = pl.DataFrame(
        {"kind": "git.commit", "digest": digest, "clock": "git", "earliest": at, "names": None}
    )
    rows = pl.DataFrame(
        {
            "kind": "row.version",
            "digest": None,
            "clock": "pg",
            "earliest": at + lag,
            "names": digest.implode().explode().to_frame("names").select(pl.concat_list("names")),
        }
    )
    frame = pl.concat([commits, rows], how="vertical_relaxed").with_row_index("row")
    types = dict(schema.EVENTS)
    frame = frame.with_columns(
        earliest=pl.col("earliest").cast(schema.INSTANT),
        latest=(pl.col("earliest")).cast(schema.INSTANT),
        part=pl.lit(0),
        item=pl.lit("0" * 64),
        citation=pl.lit("x"),
        subject=pl.lit("s"),
        source=pl.lit("s"),
    )
    missing = [pl.lit(None, dtype).alias(n) for n, dtype in types.items() if n not in frame.columns]
    frame.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in types.items()
    ).write_parquet(path)


def ours(path: Path) -> pl.DataFrame:
    events = pl.scan_parquet(path)
    found, _ = offsets(law_pairs(events, relations(events)))
    bounds(found)
    return found


def theirs(path: Path) -> int:
    import duckdb

    return len(
        duckdb.sql(
            f"""
            with n as (select "row", clock, latest, unnest(names) as d from '{path}')
            select c.clock, n.clock, epoch_us(c.earliest) // 86400000000 as day,
              min(epoch_us(n.latest) - epoch_us(c.earliest)) as most
            from n join '{path}' c on c.digest = n.d
            where c.kind = 'git.commit' and c."row" <> n."row" and c.clock <> n.clock
            group by all
            """  # noqa: S608  (a path of our own)
        ).fetchall()
    )


def spent(run: Callable[[Path], object], path: Path) -> float:
    """Seconds of processor time, of all threads: others on the machine do not change it much."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    assert run(path) is not None
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def count(path: Path) -> int:
    """Pairs of laws: about as many as events, at any size."""
    return int(relations(pl.scan_parquet(path)).select(pl.len()).collect().item())


def test_relations_and_bounds_beside_duckdb_at_each_size(tmp_path: Path):
    """Rounds of the two in turn, the ratio of medians, and a plot of cost over size."""
    found: dict[float, tuple[float, float]] = {}
    for millions in SIZES:
        path = tmp_path / "events.parquet"
        made(round(millions * 1_000_000), path)
        for run in (ours, theirs):
            run(path)  # what is loaded once is not the cost of the work
        rounds = [(spent(ours, path), spent(theirs, path)) for _ in range(ROUNDS)]
        own, other = (median(one) for one in zip(*rounds, strict=True))
        found[millions] = own, other
        assert count(path) == millions * 500_000
        print(
            f"\n{millions} M events, relations and bounds: recon {own:.2f} CPU s, DuckDB's grouped "
            f"minimum {other:.2f} CPU s, {own / other:.2f} ×; load {os.getloadavg()[0]:.1f}"
        )
    if len(found) > 1:
        print(f"plot: {plotted(found)}")


def plotted(found: dict[float, tuple[float, float]]) -> Path:
    """Cost over size, with the line that the smallest size gives."""
    from matplotlib.figure import Figure

    sizes = sorted(found)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for place, name, mark in ((0, "recon", "o"), (1, "DuckDB's grouped minimum", "s")):
        costs = [found[size][place] for size in sizes]
        (line,) = axes.plot(sizes, costs, marker=mark, label=name)
        linear = [costs[0] / sizes[0] * size for size in sizes]
        axes.plot(sizes, linear, ":", color=line.get_color(), label=f"{name}, linear")
    axes.set(xlabel="million events", ylabel="CPU seconds", title="Relations and clock bounds")
    axes.legend()
    BUILD.mkdir(exist_ok=True)
    path = BUILD / "bench-time.svg"
    figure.savefig(path)
    return path


_PROOFS = """
import resource, sys, time
import polars as pl
from recon import schema
from recon.time.pairs import law_pairs
from recon.time.proofs import proofs
from recon.time.settle import settle

subjects, length = int(sys.argv[1]), int(sys.argv[2])
n = pl.int_range(subjects * length, eager=True).cast(pl.UInt64)
place = n % length
# Twenty events of a subject, a minute apart, by two clocks in turn; one in a thousand lies.
minutes = place.cast(pl.Int64) * 60_000_000
at = 1_740_787_200_000_000 + (n // length).cast(pl.Int64) * 157_000_000 + minutes
lie = ((n // length) % 1000 == 0) & (place == 7)
at = at - lie.cast(pl.Int64) * 3 * 3600 * 1_000_000
clock = pl.select(pl.when(place % 2 == 0).then(pl.lit("a")).otherwise(pl.lit("b"))).to_series()
frame = pl.DataFrame({"row": n, "kind": "event", "clock": clock, "earliest": at}).with_columns(
    pl.col("earliest").cast(schema.INSTANT), latest=pl.col("earliest").cast(schema.INSTANT)
)
missing = [pl.lit(None, t).alias(c) for c, t in schema.EVENTS.items() if c not in frame.columns]
events = frame.with_columns(missing).lazy()
laws = pl.DataFrame({"before": n, "after": n + 1}).filter(place < length - 1).with_columns(
    law=pl.lit("digest"), because=pl.lit("contains it")
).lazy()
start = time.perf_counter()
pairs = law_pairs(events, laws)
found = proofs(events, laws, pairs, settle(pairs))
spent, own = time.perf_counter() - start, time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
cost = f"{spent:.1f} s ({own:.1f} CPU s), {peak:.0f} MiB"
print(f"{subjects} subjects of {length}: {len(found)} proofs, {cost}")
assert found
"""


def test_all_proofs_of_many_subjects():
    """In a process of its own, so that its memory can be told."""
    subjects = int(os.environ.get("RECON_BENCH_SUBJECTS", SUBJECTS))
    done = subprocess.run(
        [sys.executable, "-c", _PROOFS, str(subjects), str(LENGTH)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(f"\n{done.stdout.strip()}")
