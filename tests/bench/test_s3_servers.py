"""100,000 versions listed from a real server and read, beside boto3's paginator; time and memory.

From Ceph's RGW, where it is installed, and from SeaweedFS, in turns; and from what SeaweedFS
answered both, recorded and given again by a server that is no bottleneck. What the server itself
spends is told too: no client is faster than all processors of the machine are at that. The versions
are delete markers: a server takes many of them in one request.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests import ceph, s3_servers
from tests.bench.replaying import recording, replaying

pytestmark = [pytest.mark.bench, pytest.mark.live]
T = TypeVar("T")
VERSIONS = int(os.environ.get("RECON_BENCH_VERSIONS", "100000"))
A_REQUEST = 250
AT_ONCE = 8
PAIRS = 3
LIMIT = 300 << 20

OURS = """\
import json, os, resource, sys, time
import collectors.s3.wire
from pathlib import Path
from collectors.s3 import collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence
folder, endpoint = Path(sys.argv[1]), sys.argv[2]
options = {"url": "s3://b00/", "head": "none", "passes": 1, "endpoint": endpoint}
model = collector.options.model_validate(options)
source = Source("models", "s3", "storage", model, (), folder)
evidence = Evidence(folder)
collector.parse(source, CaseItems(evidence, "models"))
# As in the peer's process, what loads boto3 is not counted.
collectors.s3.wire.Wire(model).close()
syncs, sync = [], os.fsync
os.fsync = lambda file: (syncs.append(file), sync(file))
wall, cpu = time.perf_counter(), time.process_time()
run = Acquiring(evidence, source)
run.run(collector.acquire)
assert not run.failures, run.failures
events = collector.parse(source, CaseItems(evidence, "models")).events
found = events.filter(kind="object.delete").collect().height
print(json.dumps([found, time.perf_counter() - wall, time.process_time() - cpu,
                  resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, len(syncs)]))
"""


@pytest.fixture(params=["SeaweedFS", "Ceph"])
def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, s3_servers.Server]]:
    """A bucket of so many versions, with the server's name."""
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)
    if request.param == "SeaweedFS":
        with s3_servers.seaweedfs(tmp_path / "weed") as server:
            _fill(server)
            yield request.param, server
        return
    if ceph.root() is None:
        pytest.skip("Ceph is not installed: scripts/system radosgw ceph-mon ceph-osd")
    # The path of a socket has about a hundred characters at most.
    with tempfile.TemporaryDirectory() as folder, ceph.ceph(Path(folder)) as server:
        _fill(server)
        yield request.param, server


def _fill(server: s3_servers.Server) -> None:
    s3 = s3_servers.client(server)
    s3.create_bucket(Bucket="b00")
    s3.put_bucket_versioning(Bucket="b00", VersioningConfiguration={"Status": "Enabled"})

    def put(first: int) -> None:
        keys = [
            f"models/m{number * 16 // VERSIONS:02}/{number:06}/model.bin"
            for number in range(first, min(first + A_REQUEST, VERSIONS))
        ]
        objects = [{"Key": key} for key in keys]
        s3.delete_objects(Bucket="b00", Delete={"Quiet": True, "Objects": objects})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, range(0, VERSIONS, A_REQUEST)))


def test_list_and_parse_beside_boto3s_paginator(
    bucket: tuple[str, s3_servers.Server], tmp_path: Path
) -> None:
    name, server = bucket
    _pairs(name, tmp_path / "live", lambda folder: _pair(name, server.endpoint, folder, server))
    if name == "Ceph":
        return
    file = tmp_path / "recorded"
    with recording(server.endpoint, file) as endpoint:
        _pair(f"{name} by way of what records it", endpoint, tmp_path / "case")
    s3_servers.stop(server)

    def again(folder: Path) -> tuple[float, float]:
        with replaying(file) as endpoint:
            return _pair("its answers again", endpoint, folder)

    _pairs("its answers again", tmp_path / "again", again)


def _pairs(name: str, folder: Path, pair: Callable[[Path], tuple[float, float]]) -> None:
    ratios = [pair(folder / str(number)) for number in range(PAIRS)]
    wall, cpu = (statistics.median(one) for one in zip(*ratios, strict=True))
    print(f"{name}, median of {PAIRS} pairs: {wall:.1f} × by the clock, {cpu:.1f} × by CPU")


def _pair(
    name: str, endpoint: str, folder: Path, server: s3_servers.Server | None = None
) -> tuple[float, float]:
    """Both, one after the other: how many times as fast ours is, by the clock and by CPU."""
    spent = [_spent(server)]
    theirs = _timed(lambda: _boto3(endpoint))
    spent.append(_spent(server))
    out = subprocess.run(
        [sys.executable, "-c", OURS, str(folder), endpoint],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    spent.append(_spent(server))
    found, wall, cpu, memory, syncs = json.loads(out)
    assert found == theirs[2] == VERSIONS
    print(
        f"\n{name}: {VERSIONS} versions, load {os.getloadavg()[0]:.1f}: listed, kept and read"
        f" {found / wall:,.0f}/s ({found / cpu:,.0f} a CPU second, {memory >> 20} MB,"
        f" {syncs} fsyncs);"
        f" boto3's paginator, nothing kept {found / theirs[0]:,.0f}/s"
        f" ({found / theirs[1]:,.0f} a CPU second)"
    )
    if server is not None:
        on_theirs, on_ours = (b - a for a, b in itertools.pairwise(spent))
        print(f"the server spent {on_ours:.1f} s of CPU on ours, {on_theirs:.1f} s on boto3's")
    assert memory < LIMIT
    return theirs[0] / wall, theirs[1] / cpu


def _spent(server: s3_servers.Server | None) -> float:
    """CPU seconds of all processes that run in the server's folder."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*") if server is not None else ():
        try:
            if server is not None and (process / "cwd").resolve() == server.folder.resolve():
                said = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(said[11]) + int(said[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def _boto3(endpoint: str) -> int:
    pages = s3_servers.client_of(endpoint).get_paginator("list_object_versions")
    return sum(
        len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))
        for page in pages.paginate(Bucket="b00")
    )


def _timed(work: Callable[[], T]) -> tuple[float, float, T]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result
