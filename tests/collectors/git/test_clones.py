"""Several clones, mirrors and bundles of one repository, each at its own time; and gittuf's log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from recon import schema
from tests.collectors.git.repositories import Collected, Repository


def test_each_clone_has_its_own_refs_reflogs_and_time(work: Repository, tmp_path: Path):
    """09:00 mirror copied; 10:00 force-push; 11:00 the server copied: both are in one source."""
    server = Repository(tmp_path / "server.git", "--bare")
    server("config", "core.logAllRefUpdates", "true")
    old = work.commit("A", "2026-02-14T08:00:00Z")
    work("push", "-q", "../server.git", "main", when="2026-02-14T08:30:00Z")
    work("clone", "-q", "--mirror", "../server.git", "../mirror.git")
    work("commit", "-q", "--amend", "-m", "B", when="2026-02-14T09:30:00Z")
    new = work("rev-parse", "HEAD")
    work("push", "-qf", "../server.git", "main", when="2026-02-14T10:00:00Z")
    work("bundle", "create", "-q", "../b.bundle", "main")
    got = Collected(tmp_path / "case", paths=("mirror.git", "server.git", "b.bundle", "models"))
    assert not got.failures
    clones = got.kind("snapshot")
    assert set(clones["value"]) == {
        "fetched mirror.git", "bare server.git", "bundle b.bundle", "working models",
    }  # fmt: skip
    joined = got.kind("git.ref").join(clones, on="item").filter(subject="git:code/refs/heads/main")
    mains = dict(joined.select("value_right", "digest").iter_rows())
    assert set(mains) == set(clones["value"])
    assert mains["fetched mirror.git"] == f"git:{old}"
    assert {one for name, one in mains.items() if "mirror" not in name} == {f"git:{new}"}
    since = dict(clones.select("value", "earliest").iter_rows())
    assert since["fetched mirror.git"] == datetime(2026, 2, 14, 8, tzinfo=UTC), "of its own commits"
    assert since["bundle b.bundle"] == datetime(2026, 2, 14, 9, 30, tzinfo=UTC)
    stamped = got.kind("git.reflog").filter(basis="stamped")
    assert stamped["value"].to_list()[-1] == f"{old} {new}"
    assert got.kind("git.commit").height == 2, "each commit once"
    ids = got.events.select(schema.event_id()).to_series()
    assert ids.n_unique() == ids.len()


def test_notes_replacements_and_pull_requests_are_refs_and_dangling_commits_events(
    work: Repository, tmp_path: Path
):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    lost = work.commit("lost", "2026-02-15T09:00:00Z")
    work("update-ref", "refs/pull/7/head", lost)
    work("reset", "-q", "--hard", one)
    work("notes", "add", "-m", "reviewed", one)
    work("replace", one, lost)
    dangling = work("commit-tree", "-m", "nobody's", "HEAD^{tree}", when="2026-02-16T09:00:00Z")
    work("pack-refs", "--all")
    got = Collected(tmp_path / "case", path="models")
    refs = {row["subject"] for row in got.kind("git.ref").iter_rows(named=True)}
    assert {
        "git:code/refs/pull/7/head", "git:code/refs/notes/commits", f"git:code/refs/replace/{one}",
    } <= refs  # fmt: skip
    assert f"git:{dangling}" in got.kind("git.commit")["digest"].to_list()


def test_a_commit_says_how_many_of_its_names_are_parents(work: Repository, tmp_path: Path):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    other = "c" * 40
    work.commit(f"Revert it\n\nThis reverts commit {other}.", "2026-02-15T09:00:00Z")
    work("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    got = Collected(tmp_path / "case", path="models")
    rows = {row["value"]: row["names"] for row in got.kind("git.commit").iter_rows(named=True)}
    assert set(rows) == {"parents=0 title=one", "parents=1 title=Revert it", "parents=1 title="}
    assert rows["parents=1 title=Revert it"][1:] == [f"git:{one}", f"git:{other}"]


def entry(work: Repository, parent: str | None, text: str, when: str) -> str:
    empty = work("mktree")
    words = [] if parent is None else ["-p", parent]
    return work("commit-tree", empty, *words, "-m", text, when=when)


def test_the_log_of_gittuf_is_read_in_its_order(work: Repository, tmp_path: Path):
    """Three entries on two refs, an annotation; a commit that only looks like one is none."""
    one = work.commit("one", "2026-02-14T09:00:00Z")
    two = work.commit(
        f"RSL Reference Entry\n\nref: refs/x\ntargetID: {one}", "2026-02-15T09:00:00Z"
    )
    head = "RSL Reference Entry\n\nref: {}\ntargetID: {}\nnumber: {}"
    first = entry(work, None, head.format("refs/heads/main", one, 1), "2026-02-14T10:00:00Z")
    tag = entry(work, first, head.format("refs/tags/v1", one, 2), "2026-02-14T11:00:00Z")
    skip = entry(
        work, tag, f"RSL Annotation Entry\n\nentryID: {first}\nskip: true", "2026-02-14T12:00:00Z"
    )
    last = entry(work, skip, head.format("refs/heads/main", two, 4), "2026-02-14T11:30:00Z")
    work("update-ref", "refs/gittuf/reference-state-log", last)
    got = Collected(tmp_path / "case", path="models")
    moves = {row["citation"]: row for row in got.kind("gittuf.entry").iter_rows(named=True)}
    zero = "0" * 40
    assert {c: (r["subject"], r["value"]) for c, r in moves.items()} == {
        f"commit {first}": ("git:code/refs/heads/main", f"{zero} {one}"),
        f"commit {tag}": ("git:code/refs/tags/v1", f"{zero} {one}"),
        f"commit {last}": ("git:code/refs/heads/main", f"{one} {two}"),
    }
    (note,) = got.kind("gittuf.annotation").iter_rows(named=True)
    assert note["names"] == [f"git:{first}"]


def test_a_log_of_gittuf_without_its_beginning_says_not_what_was_before(
    work: Repository, tmp_path: Path
):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    text = "RSL Reference Entry\n\nref: refs/heads/main\ntargetID: {}\nnumber: {}"
    first = entry(work, None, text.format(one, 1), "2026-02-14T10:00:00Z")
    last = entry(work, first, text.format(one, 2), "2026-02-14T11:00:00Z")
    work("update-ref", "refs/gittuf/reference-state-log", last)
    (work.path / ".git/objects" / first[:2] / first[2:]).unlink()
    got = Collected(tmp_path / "case", path="models")
    (row,) = got.kind("gittuf.entry").iter_rows(named=True)
    assert (row["value"], row["digest"]) == (None, f"git:{one}")
