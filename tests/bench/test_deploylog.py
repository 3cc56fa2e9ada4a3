"""Lines of a deploy log per second, beside a plain reader that keeps neither places nor words."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collectors.deploylog import DeployLogOptions, collector
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence

LINES = 400_000
MANY = 5_000_000
GIB = 1024**2
"""KiB, as ``getrusage`` counts."""
EPOCH = datetime(2026, 2, 14, tzinfo=UTC)
OPTIONS: dict[str, dict[str, Any]] = {
    "jsonl": {
        "fields": {
            "time": "ts",
            "kind": "event",
            "actor": "user",
            "subject": "model:{model}@{version}",
            "attributes": {"artifact": "sha256", "commit": "sha"},
        }
    },
    "syslog": {"format": "syslog"},
}


def write(path: Path, kind: str, lines: int) -> None:
    with path.open("w") as file:
        for n in range(lines):
            moment = (EPOCH + timedelta(seconds=2 * n)).isoformat(timespec="milliseconds")
            if kind == "syslog":
                file.write(
                    f"<{n % 190 + 1}>1 {moment} host{n % 7} app{n % 5} {n % 30_000} - -"
                    f" deploy of m{n % 97} version 2.{n // 2}, step {n % 11}\n"
                )
                continue
            digest = hashlib.sha256(b"%d" % (n // 2)).hexdigest()
            step = "finish" if n % 2 else "start"
            file.write(
                f'{{"ts": "{moment}",'
                f' "event": "deploy.{step}", "user": "ci@acme", "model": "m{n % 97}",'
                f' "version": "2.{n // 2}", "run": "r-{n // 2}", "sha256": "{digest}",'
                f' "sha": "{digest[:40]}", "seconds": {n % 300}}}\n'
            )


def acquired(folder: Path, kind: str, lines: int) -> tuple[Source, CaseItems, Path]:
    path = folder / "x.log"
    write(path, kind, lines)
    options = DeployLogOptions.model_validate({"path": path.name, **OPTIONS[kind]})
    source = Source("deploys", "deploylog", "platform", options, (), folder)
    Acquiring(Evidence(folder), source).run(collector.acquire)
    return source, CaseItems(Evidence(folder), "deploys"), path


def measured(what: str, run: Callable[[], Any], lines: int) -> tuple[float, Any]:
    """Processor seconds: others work on the machine too."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:18} {cpu:6.2f} cpu s {wall:6.2f} s  {lines / cpu / 1e3:6.0f} k lines/cpu s")
    return cpu, out


@pytest.mark.bench
@pytest.mark.parametrize("kind", OPTIONS)
def test_lines_a_second(tmp_path: Path, kind: str) -> None:
    source, items, path = acquired(tmp_path, kind, LINES)
    print(f"\n{kind}: {LINES:,} lines, {path.stat().st_size / 1e6:.0f} MB, load {os.getloadavg()}")

    def parsed() -> tuple[Parsed, int]:
        out = collector.parse(source, items)
        return out, out.events.select(pl.len()).collect(engine="streaming").item()

    ratios = []
    for _ in range(3):
        ours, (out, events) = measured("parse to events", parsed, LINES)
        assert out.warnings == ()
        assert events == (3 if kind == "jsonl" else 1) * LINES + 1
        peer = pl.scan_ndjson if kind == "jsonl" else pl.scan_lines
        theirs, _ = measured(peer.__name__, lambda peer=peer: peer(path).collect(), LINES)  # type: ignore[misc]
        ratios.append(theirs / ours)
    print(f"rate beside the peer's: {sorted(ratios)[1]:.2f}")


_CHILD = """
import json, resource, sys
from pathlib import Path
from collectors.deploylog import DeployLogOptions, collector
from recon.collector import Source
from recon.evidence import CaseItems, Evidence
folder, options = Path(sys.argv[1]), DeployLogOptions.model_validate(json.loads(sys.argv[2]))
source = Source("deploys", "deploylog", "platform", options, (), folder)
parsed = collector.parse(source, CaseItems(Evidence(folder), "deploys"))
parsed.events.sink_parquet(folder / "events.parquet")
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss, used.ru_utime)
"""


@pytest.mark.bench
def test_five_million_lines_in_bounded_memory(tmp_path: Path) -> None:
    acquired(tmp_path, "jsonl", MANY)
    options = json.dumps({"path": "x.log", **OPTIONS["jsonl"]})
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, tmp_path, options],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    peak, seconds = done.stdout.split()
    print(f"\n{MANY:,} lines to Parquet: peak {int(peak) / GIB:.2f} GiB, {seconds} cpu s")
    assert int(peak) < GIB
    assert pl.scan_parquet(tmp_path / "events.parquet").select(pl.len()).collect().item() > 3 * MANY
