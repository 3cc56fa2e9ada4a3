"""Real WAL: our readers beside ``pg_waldump`` in the same run, on the same segments; and memory.

``RECON_BENCH_WAL`` sets how many MB are written (256); memory is shown for a quarter and for all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from collectors.postgres.wal import Relation, Segment, read, wal_events
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.waldump import find, linked
from recon.collector import Sha256
from tests.servers import Postgres, postgres

pytestmark = [pytest.mark.bench, pytest.mark.live]
MEGABYTES = int(os.environ.get("RECON_BENCH_WAL", "256"))
ROUNDS = 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Segment], str]:
    """Segments, and the file of the table that is written most."""
    folder = tmp_path_factory.mktemp("bench-wal")
    settings = {"max_wal_size": "4GB", "synchronous_commit": "off", "checkpoint_timeout": "1h"}
    with postgres(None, settings) as server:
        server.psql("create table bulk (id bigint primary key, at timestamptz, sha text)")
        server.run("pgbench", "-i", "-q", "-s", "2", server.dsn)
        _fill(server)
        server.switch_wal()
        stored = server.psql("select pg_relation_filepath('pgbench_accounts')").strip()
        names = sorted(path for path in server.archive.iterdir() if len(path.name) == 24)
        for path in names[-MEGABYTES // 16 :]:
            shutil.copy(path, folder)
    segments = [
        Segment(path.name, path, Sha256(hashlib.sha256(path.read_bytes()).hexdigest()))
        for path in sorted(folder.iterdir())
    ]
    return segments, stored.replace("base/", "1663/")


def _fill(server: Postgres) -> None:
    """Small transactions, and bulk inserts between them."""
    server.psql("create sequence bulk_id")
    start = int(server.psql("select pg_current_wal_lsn() - '0/0'::pg_lsn"))
    while True:
        now = int(server.psql("select pg_current_wal_lsn() - '0/0'::pg_lsn"))
        if now - start > (MEGABYTES + 16) * 2**20:
            return
        server.run("pgbench", "-n", "-c", "4", "-M", "prepared", "-t", "10000", server.dsn)
        server.psql(
            "insert into bulk select nextval('bulk_id'), clock_timestamp(), md5(g::text) "
            "from generate_series(1, 60000) g"
        )


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_wal_parse_beside_pg_waldump(archive: tuple[list[Segment], str]):
    segments, file = archive
    run = order(segments).runs[0]
    tool = find(run[0].major)
    assert tool
    size = sum(one.size for one in run) / 2**20
    relations = [
        Relation(int(file.split("/")[2]), "pg:bench/postgres/public.pgbench_accounts", file)
    ]

    with linked(run) as folder:

        def alone() -> None:
            options = [f"-r{name}" for name in ("Transaction", "Storage", "Standby", "XLOG")]
            subprocess.run(
                [tool, "-p", folder, *options, run[0].name, run[-1].name],
                check=True,
                stdout=subprocess.DEVNULL,
                env={"TZ": "UTC", "LC_ALL": "C"},
            )

        def parse(*, prefer_tool: bool, counted: bool = False) -> None:
            given = relations if counted else []
            wal = read(segments, source="bench", relations=given, prefer_tool=prefer_tool)
            assert wal.warnings == []
            assert any(frame.height for frame in wal_events(wal, given, "bench").collect_batches())

        works: dict[str, Callable[[], object]] = {
            "pg_waldump alone, to /dev/null": alone,
            "events by pg_waldump": lambda: parse(prefer_tool=True),
            "events by pg_waldump, one table's rows counted": lambda: parse(
                prefer_tool=True, counted=True
            ),
            "events by our own reader": lambda: parse(prefer_tool=False),
            "events by our own reader, one table's rows counted": lambda: parse(
                prefer_tool=False, counted=True
            ),
        }
        for work in works.values():
            work()
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                times[name].append(timed(work))

    print(f"\n{size:.0f} MB of WAL; medians of {ROUNDS} rounds")
    base = times["pg_waldump alone, to /dev/null"]
    for name, found in times.items():
        ratio = median(ours / theirs for ours, theirs in zip(found, base, strict=True))
        seconds = median(found)
        print(f"{name:52} {seconds:6.2f} s {size / seconds:6.0f} MB/s {ratio:5.2f} ×")


CHILD = """
import resource, sys
from pathlib import Path
from collectors.postgres.wal import Relation, Segment, read, wal_events

folder, count, file, tool = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "tool"
paths = sorted(folder.iterdir())[-count:]
segments = [Segment(path.name, path, f"{n:064x}") for n, path in enumerate(paths)]
number = int(file.split("/")[2])
given = [Relation(number, "pg:bench/postgres/public.pgbench_accounts", file)]
wal = read(segments, source="bench", relations=given, prefer_tool=tool)
wal_events(wal, given, "bench").sink_parquet(folder.parent / "events.parquet")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_archive(archive: tuple[list[Segment], str]):
    segments, file = archive
    folder = segments[0].path.parent
    print("\npeak memory of a process that reads, counts one table's rows and writes all events")
    for tool in ("tool", "own"):
        for count in (len(segments) // 4, len(segments)):
            done = subprocess.run(
                [sys.executable, "-c", CHILD, folder, str(count), file, tool],
                check=True,
                capture_output=True,
                text=True,
                cwd=Path(__file__).parents[2],
            )
            print(f"{tool:5} {count * 16:6} MB of WAL {int(done.stdout):6} MB")
