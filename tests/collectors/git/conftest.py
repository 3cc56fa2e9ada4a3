"""A repository with a history that has one of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collectors.git.repositories import CI, Repository


@pytest.fixture
def work(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "models")


@pytest.fixture
def story(work: Repository) -> Repository:
    """Two releases, a merge, a rebased branch, a deleted branch, tags of every sort."""
    work.commit("first", "2026-01-10T09:00:00Z")
    released = work.commit("retrain", "2026-02-14T09:30:00+01:00")
    work(
        "tag",
        "-a",
        "-m",
        "credit-risk 2.3.1",
        "credit-risk-v2.3.1",
        when="2026-02-14T10:00:00Z",
        who=CI,
    )
    work("switch", "-q", "-c", "feature")
    work.commit("feature", "2026-02-20T09:00:00Z")
    work("switch", "-q", "main")
    work.commit("fix", "2026-02-21T09:00:00Z")
    work("tag", "credit-risk-v2.3.2")
    work("rebase", "-q", "--strategy-option=theirs", "main", "feature", when="2026-02-22T09:00:00Z")
    work("switch", "-q", "main")
    work("merge", "-q", "--no-ff", "-m", "merge feature", "feature", when="2026-02-23T09:00:00Z")
    work("switch", "-q", "-c", "doomed", released)
    work.commit("experiment", "2026-03-01T09:00:00Z")
    work("switch", "-q", "main")
    work("branch", "-q", "-D", "doomed")
    work(
        "tag", "-a", "-m", "again", "tag-of-tag", "credit-risk-v2.3.1", when="2026-03-02T09:00:00Z"
    )
    work("tag", "-a", "-m", "a file", "tag-of-blob", "main:file", when="2026-03-03T09:00:00Z")
    return work
