"""Lines of a deploy log per second, beside the plain reader that keeps no offsets."""

from __future__ import annotations

import hashlib
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.deploylog import DeployLogOptions, collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence

LINES = 1_000_000
EPOCH = datetime(2026, 2, 14, tzinfo=UTC)
FIELDS = {
    "time": "ts",
    "kind": "event",
    "actor": "user",
    "subject": "model:{model}@{version}",
    "attributes": {"artifact": "sha256", "commit": "sha"},
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "deploys.jsonl"
    with path.open("w") as file:
        for n in range(LINES):
            digest = hashlib.sha256(b"%d" % (n // 2)).hexdigest()
            step = "finish" if n % 2 else "start"
            moment = (EPOCH + timedelta(seconds=2 * n)).isoformat(timespec="milliseconds")
            file.write(
                f'{{"ts": "{moment}",'
                f' "event": "deploy.{step}", "user": "ci@acme", "model": "m{n % 97}",'
                f' "version": "2.{n // 2}", "run": "r-{n // 2}", "sha256": "{digest}",'
                f' "sha": "{digest[:40]}", "seconds": {n % 300}}}\n'
            )
    return path


@pytest.mark.bench
def test_a_million_lines(log: Path, tmp_path: Path) -> None:
    options = DeployLogOptions.model_validate({"path": log.name, "fields": FIELDS})
    source = Source("deploys", "deploylog", "platform", options, (), log.parent)
    start = time.perf_counter()
    acquiring = Acquiring(Evidence(tmp_path), source)
    acquiring.run(collector.acquire)
    acquired = time.perf_counter() - start
    start = time.perf_counter()
    parsed = collector.parse(source, CaseItems(Evidence(tmp_path), "deploys"))
    events = parsed.events.collect()
    took = time.perf_counter() - start
    start = time.perf_counter()
    pl.read_ndjson(log)
    peer = time.perf_counter() - start
    megabytes = log.stat().st_size / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\n{LINES:,} lines, {megabytes:.0f} MB, {events.height:,} events; peak {memory:.1f} GiB")
    print(f"acquire          {acquired:6.2f} s  {megabytes / acquired:8.0f} MB/s")
    print(f"parse to events  {took:6.2f} s  {LINES / took / 1e6:8.2f} M lines/s")
    print(f"read_ndjson      {peer:6.2f} s  {LINES / peer / 1e6:8.2f} M lines/s (columns alone)")
    assert events.height == 3 * LINES + 1
    assert parsed.warnings == ()
