"""The rules on refs over real repositories: a server, an older mirror, a forge's pushes, a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import recon
from recon.findings import Finding
from recon.prose import argument
from tests.cases import CASE
from tests.collectors.git.repositories import ADA, CI, Repository

RULES = {
    "tag-moved",
    "rewritten-ref",
    "history-rewritten-with-dates-kept",
    "branch-deleted-with-unmerged-work",
}
SOURCES = """
[[source]]
id = "code"
collector = "git"
domain = "platform"
paths = ["old.git", "server.git"]
[[source.claim]]
ref = "refs/tags/{model}-v{version}"
subject = "model:{model}@{version}"
attribute = "commit"

[[source]]
id = "forge"
collector = "deploylog"
domain = "other"
path = "activity.jsonl"
format = "github"

[[source]]
id = "deploys"
collector = "deploylog"
domain = "other"
path = "deploys.jsonl"
format = "jsonl"
[source.fields]
time = "ts"
subject = "model:{model}@{version}"
attributes = { commit = "sha" }
"""


class Told:
    """A server, who pushes to it, and what the forge and the deploy job write down of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Repository(folder / "server.git", "--bare")
        self.server("config", "core.logAllRefUpdates", "true")
        self.work = Repository(folder / "work")
        self.pushes: list[dict[str, str]] = []
        self.deploys: list[dict[str, str]] = []

    def push(self, ref: str, when: str, *options: str) -> None:
        """Push a branch, a tag, or (``:x``) its deletion; the forge writes it down."""
        name = ref.removeprefix(":")
        full = name if name.startswith("refs/") else f"refs/heads/{name}"
        old = self.server("rev-parse", "--verify", "-q", full, check=False) or "0" * 40
        self.work("push", "-q", *options, "../server.git", ref, when=when)
        new = self.server("rev-parse", "--verify", "-q", full, check=False) or "0" * 40
        self.pushes.append(
            {"before": old, "after": new, "ref": full, "timestamp": when, "activity_type": "push"}
        )

    def mirrored(self) -> None:
        self.work("clone", "-q", "--mirror", "../server.git", "../old.git")

    def deployed(self, commit: str, when: str, version: str) -> None:
        self.deploys.append({"ts": when, "model": "m", "version": version, "sha": commit})

    def findings(self) -> list[Finding]:
        for name, rows in (("activity", self.pushes), ("deploys", self.deploys)):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (self.folder / f"{name}.jsonl").write_text(text)
        (self.folder / "case.toml").write_text(CASE + SOURCES)
        case = recon.open(self.folder)
        assert not [one.failures for one in case.collect() if one.failures]
        return [one for one in case.findings().findings if one.rule in RULES]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_history_rewritten_a_tag_moved_and_a_branch_deleted_are_all_told(told: Told):
    """Train, release, deploy; then `filter-branch` over both commits, a new tag, a branch gone."""
    told.work.commit("data", "2026-02-10T09:00:00Z")
    released = told.work.commit("train", "2026-02-11T09:00:00Z")
    told.work("tag", "-a", "-m", "m 1", "m-v1", when="2026-02-11T10:00:00Z", who=CI)
    told.push("main", "2026-02-11T10:01:00Z")
    told.push("refs/tags/m-v1", "2026-02-11T10:02:00Z")
    told.deployed(released, "2026-02-11T12:00:00Z", "1")
    told.work("switch", "-q", "-c", "doubts")
    doubts = told.work.commit("doubts", "2026-02-12T09:00:00Z")
    told.push("doubts", "2026-02-12T10:00:00Z")
    told.work("switch", "-q", "main")
    told.mirrored()
    change = "echo other > file"
    told.work(
        "filter-branch", "-f", "--tree-filter", change, "--tag-name-filter", "cat", "--", "main"
    )
    told.work("tag", "-f", "-a", "-m", "m 1", "m-v1", when="2026-02-11T10:00:00Z", who=CI)
    told.push("main", "2026-03-01T10:00:00Z", "-f")
    told.push("refs/tags/m-v1", "2026-03-01T10:01:00Z", "-f")
    told.push(":doubts", "2026-03-01T10:02:00Z")
    found = {one.rule: one for one in told.findings()}
    assert {rule: one.verdict for rule, one in found.items()} == {
        "tag-moved": "conflict",
        "history-rewritten-with-dates-kept": "conflict",
        "branch-deleted-with-unmerged-work": "observation",
    }
    kept = found["history-rewritten-with-dates-kept"]
    assert kept.subject == "model:m@1"
    assert "2 with other files" in kept.statement
    assert f"names {released} for model:m@1" in kept.statement
    assert doubts in found["branch-deleted-with-unmerged-work"].statement
    assert f"from {released} to" in found["tag-moved"].statement
    for one in found.values():
        assert len(argument(one)) == len(one.steps)


def test_every_days_work_is_told_by_none(told: Told):
    """Rebase, squash, merge and delete, patches by mail, an amended commit, a late tag."""
    work = told.work
    work.commit("data", "2026-02-10T09:00:00Z")
    told.push("main", "2026-02-10T10:00:00Z")
    # A branch that is rebased, pushed by force, merged and deleted.
    work("switch", "-q", "-c", "rebased")
    work.commit("change", "2026-02-11T09:00:00Z")
    told.push("rebased", "2026-02-11T10:00:00Z")
    told.mirrored()
    work("switch", "-q", "main")
    (work.path / "more").write_text("more")
    work("add", "more")
    work("commit", "-q", "-m", "more", when="2026-02-12T09:00:00Z")
    told.push("main", "2026-02-12T10:00:00Z")
    work("rebase", "-q", "main", "rebased", when="2026-02-13T09:00:00Z")
    told.push("rebased", "2026-02-13T10:00:00Z", "-f")
    work("switch", "-q", "main")
    work("merge", "-q", "--ff-only", "rebased")
    told.push("main", "2026-02-13T11:00:00Z")
    told.push(":rebased", "2026-02-13T11:01:00Z")
    # A branch of two commits that is merged by squash, and deleted.
    work("switch", "-q", "-c", "squashed")
    work.commit("try", "2026-02-14T09:00:00Z")
    work.commit("better", "2026-02-14T10:00:00Z")
    told.push("squashed", "2026-02-14T11:00:00Z")
    work("switch", "-q", "main")
    work("merge", "-q", "--squash", "squashed")
    work("commit", "-q", "-m", "better (#7)", when="2026-02-15T09:00:00Z", who=CI)
    told.push("main", "2026-02-15T10:00:00Z")
    told.push(":squashed", "2026-02-15T10:01:00Z")
    # A patch by mail, whose branch is deleted.
    work("switch", "-q", "-c", "mailed")
    work.commit("mailed", "2026-02-16T09:00:00Z")
    told.push("mailed", "2026-02-16T10:00:00Z")
    patch = work("format-patch", "-1", "--stdout")
    work("switch", "-q", "main")
    work("commit", "-q", "--allow-empty", "-m", "between", when="2026-02-16T11:00:00Z")
    work("am", "-q", stdin=f"{patch}\n".encode(), when="2026-02-17T09:00:00Z", who=CI)
    told.push("main", "2026-02-17T10:00:00Z")
    told.push(":mailed", "2026-02-17T10:01:00Z")
    released = work("rev-parse", "HEAD")
    told.deployed(released, "2026-02-17T12:00:00Z", "1")
    # A commit that is amended and pushed by force before anybody names it; a tag weeks later.
    work.commit("typo", "2026-02-18T09:00:00Z")
    told.push("main", "2026-02-18T09:01:00Z")
    work("commit", "-q", "--amend", "-m", "no typo", when="2026-02-18T09:05:00Z")
    told.push("main", "2026-02-18T09:06:00Z", "-f")
    work("tag", "-a", "-m", "m 1", "m-v1", released, when="2026-03-10T10:00:00Z", who=ADA)
    told.push("refs/tags/m-v1", "2026-03-10T10:01:00Z")
    assert told.findings() == []
