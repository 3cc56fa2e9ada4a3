"""100,000 versions listed from a real server and read, beside boto3's paginator; time and memory.

From SeaweedFS itself, which takes most of the time on the clock, and from what it answered both,
recorded and given again by a server that is no bottleneck. The versions are
delete markers: a server takes a thousand of them in one request.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests import s3_servers
from tests.bench.replaying import recording, replaying

pytestmark = [pytest.mark.bench, pytest.mark.live]
T = TypeVar("T")
VERSIONS = int(os.environ.get("RECON_BENCH_VERSIONS", "100000"))
A_REQUEST = 1000
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


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3_servers.Server]:
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)
    with s3_servers.seaweedfs(tmp_path / "weed") as server:
        s3 = s3_servers.client(server)
        s3.create_bucket(Bucket="b00")
        s3.put_bucket_versioning(Bucket="b00", VersioningConfiguration={"Status": "Enabled"})
        for first in range(0, VERSIONS, A_REQUEST):
            keys = [
                f"models/m{number * 16 // VERSIONS:02}/{number:06}/model.bin"
                for number in range(first, first + A_REQUEST)
            ]
            objects = [{"Key": key} for key in keys]
            s3.delete_objects(Bucket="b00", Delete={"Quiet": True, "Objects": objects})
        yield server


def test_list_and_parse_beside_boto3s_paginator(bucket: s3_servers.Server, tmp_path: Path) -> None:
    file = tmp_path / "recorded"
    _pair("SeaweedFS", bucket.endpoint, tmp_path / "live")
    with recording(bucket.endpoint, file) as endpoint:
        _pair("SeaweedFS by way of what records it", endpoint, tmp_path / "case")
    s3_servers.stop(bucket)
    ratios = []
    for number in range(PAIRS):
        with replaying(file) as endpoint:
            ratios.append(_pair("its answers again", endpoint, tmp_path / f"case-{number}"))
    wall_ratio, cpu_ratio = (statistics.median(one) for one in zip(*ratios, strict=True))
    print(f"median of {PAIRS} pairs: {wall_ratio:.1f} × by the clock, {cpu_ratio:.1f} × by CPU")


def _pair(server: str, endpoint: str, folder: Path) -> tuple[float, float]:
    """Both, one after the other: how many times as fast ours is, by the clock and by CPU."""
    theirs = _timed(lambda: _boto3(endpoint))
    out = subprocess.run(
        [sys.executable, "-c", OURS, str(folder), endpoint],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found, wall, cpu, memory, syncs = json.loads(out)
    assert found == theirs[2] == VERSIONS
    print(
        f"\n{server}: {VERSIONS} versions, load {os.getloadavg()[0]:.1f}: listed, kept and read"
        f" {found / wall:,.0f}/s ({found / cpu:,.0f} a CPU second, {memory >> 20} MB,"
        f" {syncs} fsyncs);"
        f" boto3's paginator, nothing kept {found / theirs[0]:,.0f}/s"
        f" ({found / theirs[1]:,.0f} a CPU second)"
    )
    assert memory < LIMIT
    return theirs[0] / wall, theirs[1] / cpu


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
