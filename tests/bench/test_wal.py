"""Real WAL: our readers beside ``pg_waldump`` in the same run, on the same segments; and memory.

``RECON_BENCH_WAL`` sets how many MB are written (256); memory is shown for a quarter and for all.
Rows are decoded of a table that has about a twentieth of the records, and of one that has all.
Times are seconds of CPU, of child processes too: they change little with what else runs. What
works beside a child takes less by the clock, which is shown as a ratio. The first
round is not counted: in it, loops are compiled.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import pytest

from collectors.postgres.heap.claimed import Claimed, WalRows
from collectors.postgres.heap.model import Column, Table
from collectors.postgres.heap.rows import read_rows
from collectors.postgres.heap.types import by_oid
from collectors.postgres.options import PostgresClaim
from collectors.postgres.wal import Relation, Segment, Wal, read, wal_events
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.stream import parts
from collectors.postgres.wal.waldump import find, linked
from recon.collector import Sha256
from tests.servers import Postgres, postgres

pytestmark = [pytest.mark.bench, pytest.mark.live]
MEGABYTES = int(os.environ.get("RECON_BENCH_WAL", "256"))
ROUNDS = int(os.environ.get("RECON_BENCH_ROUNDS", "5"))


SUBJECT = "pg:bench/postgres/public.lineage"
LAYOUT = """
create table lineage (id int primary key, artifact text, score numeric, at timestamptz);
insert into lineage select g, md5(g::text), g * 0.37, clock_timestamp()
    from generate_series(1, 20000) g
"""
COLUMNS = {"id": 23, "artifact": 25, "score": 1700, "at": 1184}
UPDATE = "update lineage set score = score + 0.01, at = clock_timestamp() where id <= {}"
EVERY = "update lineage set score = score + 1 where id % 97 = {}"
"""Of each page a few rows."""
CLAIM = PostgresClaim(
    table="public.lineage",
    subject="row:{id}",
    time="at",
    attributes={"artifact": "artifact", "score": "score"},
)


@dataclass(frozen=True)
class Load:
    """An archive, and the claimed table in it."""

    segments: list[Segment]
    file: str
    """As WAL names it."""

    @property
    def relation(self) -> Relation:
        _, database, number = map(int, self.file.split("/"))
        return Relation(number, SUBJECT, self.file, "r", database)

    @property
    def claimed(self) -> Claimed:
        one = self.relation
        columns = tuple(Column(name, by_oid()[oid]) for name, oid in COLUMNS.items())
        table = Table(columns, "the bench")
        return Claimed(SUBJECT, CLAIM.table, f"{one.database}/{one.oid}", table, [CLAIM])


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Small transactions, bulk inserts, and a twentieth of updates of the claimed table."""
    return _made(tmp_path_factory.mktemp("bench-wal"), MEGABYTES, busy=True)


@pytest.fixture(scope="module")
def all_claimed(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Updates of the claimed table alone."""
    return _made(tmp_path_factory.mktemp("bench-rows"), MEGABYTES // 4, busy=False)


def _made(folder: Path, megabytes: int, *, busy: bool) -> Load:
    settings = {"max_wal_size": "4GB", "synchronous_commit": "off", "checkpoint_timeout": "1h"}
    with postgres(None, settings) as server:
        server.psql(LAYOUT)
        server.psql("create table bulk (id bigint primary key, at timestamptz, sha text)")
        server.psql("create sequence bulk_id")
        server.run("pgbench", "-i", "-q", "-s", "2", server.dsn)
        start = _written(server)
        while _written(server) - start < (megabytes + 16) * 2**20:
            if busy:
                _work(server)
            server.psql(UPDATE.format(10_000 if busy else 20_000))
        server.switch_wal()
        stored = server.psql("select pg_relation_filepath('lineage')").strip()
        names = sorted(path for path in server.archive.iterdir() if len(path.name) == 24)
        for path in names[-megabytes // 16 :]:
            shutil.copy(path, folder)
    return Load(_segments(folder), stored.replace("base/", "1663/"))


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """A table of 12 million rows in each GB, and updates that go through all its pages."""
    folder = tmp_path_factory.mktemp("bench-many") / "archive"
    settings = {"max_wal_size": "8GB", "synchronous_commit": "off", "checkpoint_timeout": "1h"}
    with postgres(None, settings) as server:
        server.psql(LAYOUT.partition(";")[0].replace(" primary key", ""))
        start = _written(server)
        rows = "select g, 'a' || g, g % 1000, now() from generate_series(1, 1000000) g"
        copied = server.psql(f"copy ({rows}) to stdout")
        for _ in range(max(1, MEGABYTES * 12 // 1024)):
            server.psql(f"copy lineage from stdin;\n{copied}\\.\n")
        step = 0
        while _written(server) - start < MEGABYTES * 2**20:
            server.psql(EVERY.format(step))
            step += 1
        server.switch_wal()
        stored = server.psql("select pg_relation_filepath('lineage')").strip()
        shutil.copytree(server.archive, folder)
    return Load(_segments(folder), stored.replace("base/", "1663/"))


def _segments(folder: Path) -> list[Segment]:
    return [
        Segment(path.name, path, Sha256(hashlib.sha256(path.read_bytes()).hexdigest()))
        for path in sorted(folder.iterdir())
        if len(path.name) == 24
    ]


def _written(server: Postgres) -> int:
    return int(server.psql("select pg_current_wal_lsn() - '0/0'::pg_lsn"))


def _work(server: Postgres) -> None:
    """Small transactions, and a bulk insert."""
    server.run("pgbench", "-n", "-c", "4", "-M", "prepared", "-t", "10000", server.dsn)
    server.psql(
        "insert into bulk select nextval('bulk_id'), clock_timestamp(), md5(g::text) "
        "from generate_series(1, 60000) g"
    )


class Took(NamedTuple):
    """Seconds."""

    cpu: float
    clock: float
    """By the clock: less where a tool and we work side by side, and more where others do."""


def timed(work: Callable[[], object]) -> Took:
    start, clock = _used(), perf_counter()
    work()
    return Took(_used() - start, perf_counter() - clock)


def _used() -> float:
    """Seconds of CPU so far, of this process and of children that have ended."""
    both = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def rows_of(load: Load, *, prefer_tool: bool) -> tuple[Wal, WalRows]:
    """The archive, and row changes of the claimed table as events."""
    given = [load.relation]
    wal = read(load.segments, source="bench", relations=given, prefer_tool=prefer_tool)
    rows = read_rows(wal, [load.claimed], given, "bench")
    # Where the archive begins, updates do not say all of a row that it does not hold.
    assert all("no subject" in one.message for one in rows.warnings)
    return wal, rows


def decoded(load: Load) -> int:
    """By our own reader: how many row changes of the claimed table there are."""
    return rows_of(load, prefer_tool=False)[1].counts[SUBJECT].events


def compared(load: Load, works: dict[str, Callable[[], object]]) -> None:
    """Each work in turn, in rounds, beside ``pg_waldump`` of the records that all need."""
    run = order(load.segments).runs[0]
    tool = find(run[0].major)
    assert tool
    size = sum(one.size for one in run) / 2**20
    rmgrs = [f"-r{name}" for name in ("Transaction", "Storage", "Standby", "XLOG")]
    relation = ["-rHeap", "-rHeap2", f"--relation={load.file}"]

    with linked(run) as folder:

        def alone(*options: str) -> None:
            subprocess.run(
                [tool, "-p", folder, *options, run[0].name, run[-1].name],
                check=True,
                stdout=subprocess.DEVNULL,
                env={"TZ": "UTC", "LC_ALL": "C"},
            )

        works = {
            "pg_waldump alone, to /dev/null": lambda: alone(*rmgrs),
            "pg_waldump of one table's rows, to /dev/null": lambda: alone(*relation),
        } | works
        for work in works.values():
            work()
        times: dict[str, list[Took]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                times[name].append(timed(work))

    busy = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\n{size:.0f} MB of WAL; medians of {ROUNDS} rounds; load average {busy}")
    base = times["pg_waldump alone, to /dev/null"]
    for name, found in times.items():
        pairs = list(zip(found, base, strict=True))
        ratio = median(ours.cpu / theirs.cpu for ours, theirs in pairs)
        beside = median(ours.clock / theirs.clock for ours, theirs in pairs)
        seconds = median(one.cpu for one in found)
        print(
            f"{name:52} {seconds:6.2f} s {size / seconds:6.0f} MB/s {ratio:5.2f} ×; "
            f"by the clock {beside:5.2f} ×"
        )


def test_wal_parse_beside_pg_waldump(archive: Load):
    def parse(*, prefer_tool: bool, counted: bool = False) -> None:
        given = [archive.relation] if counted else []
        wal = read(archive.segments, source="bench", relations=given, prefer_tool=prefer_tool)
        assert wal.warnings == []
        assert any(frame.height for frame in wal_events(wal, given, "bench").collect_batches())

    compared(
        archive,
        {
            "events by pg_waldump": lambda: parse(prefer_tool=True),
            "the same, one table's rows counted": lambda: parse(prefer_tool=True, counted=True),
            "events by our own reader": lambda: parse(prefer_tool=False),
            "the same, its rows counted": lambda: parse(prefer_tool=False, counted=True),
            "rows of a table of a twentieth decoded": lambda: decoded(archive),
        },
    )
    _share(archive)


def test_rows_of_a_table_that_has_all_records(all_claimed: Load):
    compared(all_claimed, {"all rows decoded": lambda: decoded(all_claimed)})
    _share(all_claimed)


def _share(load: Load) -> None:
    records = sum(len(part.starts) for part in parts(order(load.segments).runs[0]))
    start = _used()
    count = decoded(load)
    each = (_used() - start) / count * 1e6
    print(f"{count} row changes of {records} records; {each:.0f} µs of CPU time each, WAL read too")


CHILD = """
import sys
from pathlib import Path
from tests.bench.test_wal import Load, rows_of
from collectors.postgres.wal import Segment, wal_events

folder, count, file, tool = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "tool"
paths = sorted(folder.iterdir())[-count:]
load = Load([Segment(path.name, path, f"{n:064x}") for n, path in enumerate(paths)], file)
wal, rows = rows_of(load, prefer_tool=tool)
wal_events(wal, [load.relation], "bench").sink_parquet(folder.parent / "events.parquet")
for one in rows.events:
    one.sink_parquet(folder.parent / "rows.parquet")
# Not ru_maxrss: a child inherits what its parent had.
(peak,) = (one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one)
print(int(peak.split()[1]) // 1024)
"""


def test_memory_does_not_grow_with_the_archive(archive: Load):
    _memory(archive)


def test_memory_does_not_grow_with_the_table(many_rows: Load):
    _memory(many_rows)


def _memory(archive: Load) -> None:
    segments, file = archive.segments, archive.file
    folder = segments[0].path.parent
    print("\npeak memory of a process that reads, decodes one table's rows and writes all events")
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
