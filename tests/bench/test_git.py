"""Acquire and parse a repository, side by side with ``git log`` on it, by processor time."""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
from pathlib import Path

import pytest

from collectors.git import GitOptions, collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence

COMMITS = 100_000
ROUNDS = 5
GOAL = 1.5
# What the events are made of: the message too, as digests are looked for in it.
FORMAT = "--format=%H%x09%T%x09%P%x09%an%x09%ae%x09%at%x09%cn%x09%ce%x09%ct%x09%B"


def stream(commits: int) -> bytes:
    """For ``git fast-import``: each commit changes one of 200 files; now and then a merge."""
    out: list[bytes] = []
    for n in range(1, commits + 1):
        who = f"Dev {n % 37} <dev{n % 37}@acme.example> {1_600_000_000 + n * 600} +0{n % 10}00"
        text = f"change {n}\n\nwhy this was to be changed, in a line or two\n" * (n % 3 + 1)
        if n % 20 == 0:  # as `git revert` and `git cherry-pick -x` write it
            text += f"\nThis reverts commit {hashlib.sha256(str(n).encode()).hexdigest()[:40]}.\n"
        content = f"content {n}\n"
        out.append(f"commit refs/heads/main\nmark :{n}\nauthor {who}\ncommitter {who}\n".encode())
        out.append(f"data {len(text)}\n{text}\n".encode())
        if n > 10 and n % 50 == 0:
            out.append(f"from :{n - 1}\nmerge :{n - 9}\n".encode())
        out.append(f"M 644 inline f{n % 200}\ndata {len(content)}\n{content}\n".encode())
        if n % 1000 == 0:
            tag = f"tag v{n}\nfrom :{n}\ntagger {who}\ndata 4\nv{n % 1000:03}\n"
            out.append(tag.encode())
    return b"".join(out)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "big.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=stream(COMMITS), check=True)
    subprocess.run(["git", "-C", path, "repack", "-adq"], check=True)
    return path


def used() -> float:
    """Seconds of processor time, of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def ours(repository: Path, case: Path) -> tuple[float, float, int]:
    source = Source(
        "code", "git", "platform", GitOptions(path=str(repository)), (), repository.parent
    )
    start = used()
    acquiring = Acquiring(Evidence(case), source)
    acquiring.run(collector.acquire)
    middle = used()
    assert acquiring.failures == []
    events = collector.parse(source, CaseItems(Evidence(case), "code")).events.collect()
    return middle - start, used() - middle, events.height


def log(repository: Path) -> float:
    start = used()
    subprocess.run(
        ["git", "-C", repository, "log", "--all", FORMAT],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
    )
    return used() - start


@pytest.mark.bench
def test_acquire_and_parse_beside_git_log(repository: Path, tmp_path: Path) -> None:
    """Interleaved pairs, median of the ratios."""
    rows = []
    log(repository)
    for number in range(ROUNDS):
        (tmp_path / str(number)).mkdir()
        peer = log(repository)
        acquire, parse, events = ours(repository, tmp_path / str(number))
        rows.append((peer, acquire, parse, (acquire + parse) / peer, events))
    print(f"\n{COMMITS} commits, {rows[0][4]} events, {os.cpu_count()} cores")
    print(f"{'git log':>9} {'acquire':>9} {'parse':>9} {'ratio':>7}")
    for peer, acquire, parse, ratio, _ in rows:
        print(f"{peer:8.2f}s {acquire:8.2f}s {parse:8.2f}s {ratio:6.2f}×")
    median = statistics.median(row[3] for row in rows)
    print(f"median ratio {median:.2f} (goal {GOAL})")
    assert rows[0][4] >= 2 * COMMITS
