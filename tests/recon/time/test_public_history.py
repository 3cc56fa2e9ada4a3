"""Two clean repositories as they are in public, and a log: no record dissents from the others.

Several hundred commits of seven people in as many zones, whose machines are off by up to two
minutes; merges, rebases (a new commit date and new parents for an old author date), mailed
patches, cherry-picks, annotated tags, a fork by a mirror, and a replaced object.
"""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

import recon
from recon import show, show_clocks
from tests.cases import CASE

BEGUN = 1_767_225_600
"""2026-01-01T00:00:00Z."""
PEOPLE = {
    "ada": ("+0100", 0),
    "ben": ("-0500", -95),
    "chi": ("+0900", 40),
    "dev": ("+0530", -20),
    "eve": ("-0800", 118),
    "fay": ("+1245", 3),
    "git": ("+0000", 0),
}
"""Zone, and the seconds by which the machine is ahead."""
SOURCE = """
[[source]]
id = "{name}"
collector = "git"
domain = "platform"
url = "{path}"
"""
LOG = """
[[source]]
id = "deploys"
collector = "deploylog"
domain = "other"
path = "deploys.jsonl"
[source.fields]
time = "ts"
kind = "event"
subject = "model:{model}@{version}"
attributes = { commit = "sha", run = "run" }
"""


@dataclass
class Repository:
    """A repository that is written by git itself."""

    path: Path
    now: int = BEGUN
    turns: int = 0

    def pick(self, count: int) -> int:
        """A number below the count, another one each time, the same in every run."""
        self.turns += 1
        return zlib.crc32(f"{self.path.name} {self.turns}".encode()) % count

    def git(self, *words: str, by: str = "git", author: int | None = None, text: str = "") -> str:
        zone, ahead = PEOPLE[by]
        own = {
            "GIT_AUTHOR_NAME": by,
            "GIT_AUTHOR_EMAIL": f"{by}@example.org",
            "GIT_AUTHOR_DATE": f"{(self.now if author is None else author) + ahead} {zone}",
            "GIT_COMMITTER_NAME": by,
            "GIT_COMMITTER_EMAIL": f"{by}@example.org",
            "GIT_COMMITTER_DATE": f"{self.now + ahead} {zone}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", *words],
            cwd=self.path,
            env=os.environ | own,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def begin(self) -> None:
        self.path.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("ada")

    def later(self) -> None:
        """Four minutes to a day: more than two machines are apart."""
        self.now += (250, 600, 3_600, 20_000, 86_400)[self.pick(5)]

    def commit(self, by: str, file: str = "a", author: int | None = None) -> str:
        self.later()
        (self.path / file).write_text(f"{self.now}\n")
        self.git("add", file)
        self.git("commit", "-q", "-m", f"{file} at {self.now}", by=by, author=author)
        return self.git("rev-parse", "HEAD")

    def work(self, number: int) -> None:
        """One change: a branch that is merged, or rebased and then merged, or a patch."""
        people = [one for one in PEOPLE if one != "git"]
        by = people.pop(self.pick(len(people)))
        other = people[self.pick(len(people))]
        branch = f"topic-{number}"
        self.git("checkout", "-q", "-b", branch)
        for _ in range(1 + self.pick(3)):
            # An author date of weeks ago: a mailed patch.
            old = None if self.pick(5) else self.now - 2_000_000
            self.commit(by, f"b{number}", old)
        self.git("checkout", "-q", "main")
        self.commit(other, "a")
        self.later()
        if number % 3 == 0:
            self.git("rebase", "-q", "main", branch, by=by)
        elif number % 3 == 1:
            self.git("cherry-pick", "main.." + branch, by=other)
        self.later()
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch, by="git")
        if number % 5 == 0:
            self.later()
            self.git("tag", "-a", f"v1.{number}", "-m", "release", by="ada")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> recon.Case:
    folder = tmp_path_factory.mktemp("public")
    first, second = (Repository(folder / name) for name in ("code", "library"))
    deploys = []
    for repository, count in ((first, 36), (second, 24)):
        repository.begin()
        for number in range(count):
            repository.work(number)
            if repository is first and number % 4 == 0:
                repository.now += 500
                at = f"{pl.from_epoch(pl.Series([repository.now]), 's')[0]:%Y-%m-%dT%H:%M:%SZ}"
                sha = repository.git("rev-parse", "HEAD")
                for event in ("deploy.start", "deploy.finish"):
                    row = {"ts": at, "event": event, "model": "m", "version": f"1.{number}"}
                    deploys.append({**row, "sha": sha, "run": f"r{number}"})
    head = first.git("rev-parse", "HEAD~3")
    other = first.git("commit-tree", "-m", "another history", "HEAD^{tree}")
    first.git("replace", head, other)
    (folder / "deploys.jsonl").write_text("".join(json.dumps(row) + "\n" for row in deploys))
    sources = "".join(SOURCE.format(name=one.path.name, path=one.path) for one in (first, second))
    (folder / "case.toml").write_text(CASE + sources + LOG)
    made = recon.open(folder)
    assert not any(one.failures for one in made.collect())
    return made


def test_no_record_dissents_and_no_clock_steps(
    case: recon.Case, capsys: pytest.CaptureFixture[str]
):
    found = case.clocks()
    commits = case.select(kinds=["git.commit"]).collect()
    assert len(commits) > 200
    assert not found.dissent
    assert not found.missed
    assert not found.steps
    show_clocks.table(show.console(), found)
    text = capsys.readouterr().out
    assert "Records that the others exclude" not in text
    assert "Steps" not in text


def test_the_bounds_hold_how_far_the_machines_are_apart(case: recon.Case):
    settled = case.clocks().settled.offsets
    ahead = {f"git:committer:{name}@example.org": off for name, (_, off) in PEOPLE.items()}
    told = 0
    for row in settled.iter_rows(named=True):
        if row["first"] in ahead and row["second"] in ahead:
            apart = (ahead[row["second"]] - ahead[row["first"]]) * 1_000_000
            assert row["low"] is None or row["low"] <= apart
            assert row["high"] is None or apart <= row["high"]
            told += 1
    assert told > 10


def test_every_parent_and_target_is_related_as_git_log_has_it_and_nothing_that_a_replacement_says(
    case: recon.Case,
):
    events = case.timeline().collect()
    laws = case.relations().filter(law="digest").collect()
    id_of = dict(zip(events["row"], events["digest"], strict=True))
    kind = dict(zip(events["row"], events["kind"], strict=True))
    told = {
        (id_of[before], id_of[after])
        for before, after in laws.select("before", "after").iter_rows()
        if kind[before] == kind[after] == "git.commit"
    }
    wanted = set()
    for name in ("code", "library"):
        repository = Repository(case.root / name)
        lines = repository.git("--no-replace-objects", "log", "--all", "--reflog", "--format=%H %P")
        for line in lines.splitlines():
            commit, *parents = line.split()
            wanted |= {(f"git:{parent}", f"git:{commit}") for parent in parents}
    assert told == wanted
