"""Repositories that name programs to run, lead elsewhere, or lie: nothing runs, nothing leaks.

Every payload would create the file MARKER. The first test shows that the payloads work: plain git
on the same repository runs one.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.git import objects
from tests.collectors.git.repositories import Collected, Repository


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "MARKER"


@pytest.fixture
def hostile(work: Repository, marker: Path) -> Repository:
    """Configuration, hooks, filters and attributes that name a program."""
    work.commit("one", "2026-02-14T09:00:00Z")
    payload = work.path.parent / "payload"
    payload.write_text(f"#!/bin/sh\ntouch {marker}\n")
    payload.chmod(0o755)
    for name in (
        "pre-commit",
        "post-checkout",
        "post-merge",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
        "pre-auto-gc",
        "pre-push",
        "post-rewrite",
        "pre-receive",
        "update",
        "post-update",
        "proc-receive",
        "push-to-checkout",
    ):
        hook = work.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(payload.read_text())
        hook.chmod(0o755)
    (work.path / ".gitattributes").write_text("* filter=bad diff=bad merge=bad\n")
    (work.path / ".git/info").mkdir(exist_ok=True)
    (work.path / ".git/info/attributes").write_text("* filter=bad diff=bad\n")
    (work.path.parent / "more").write_text(f"[alias]\n\tcat-file = !{payload}\n")
    config = work.path / ".git/config"
    config.write_text(
        config.read_text()
        + f"""
[core]
    fsmonitor = {payload}
    sshCommand = {payload}
    gitProxy = {payload}
    editor = {payload}
    pager = {payload}
    hooksPath = {work.path}/.git/hooks
    askPass = {payload}
    alternateRefsCommand = {payload}
[filter "bad"]
    clean = {payload}
    smudge = {payload}
    process = {payload}
[diff]
    external = {payload}
[diff "bad"]
    textconv = {payload}
    command = {payload}
[uploadpack]
    packObjectsHook = {payload}
[credential]
    helper = {payload}
[gpg]
    program = {payload}
[pager]
    for-each-ref = {payload}
    cat-file = {payload}
[include]
    path = ../../more
[protocol "ext"]
    allow = always
[extensions]
    partialClone = origin
[remote "origin"]
    url = ext::{payload}
    promisor = true
    partialclonefilter = blob:none
    uploadpack = {payload}
    vcs = ext
[trace2]
    eventTarget = {marker}
"""
    )
    return work


@pytest.mark.parametrize("words", [["status"], ["cat-file", "-e", "1234567890" * 4]])
def test_the_payloads_are_live(hostile: Repository, marker: Path, words: list[str]):
    """Plain git runs them, so that their silence below means something."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(hostile.home)}
    assert not marker.exists()
    subprocess.run(
        ["git", *words], cwd=hostile.path, env=environment, capture_output=True, check=False
    )
    assert marker.exists()


@pytest.mark.usefixtures("hostile")
def test_a_hostile_working_repository_runs_nothing(marker: Path, tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    assert not marker.exists()
    assert got.kind("git.commit").height == 1
    assert "partial clone" in got.said()


def test_a_hostile_repository_given_as_file_url_runs_nothing(
    hostile: Repository, marker: Path, tmp_path: Path
):
    got = Collected(tmp_path / "case", url=f"file://{hostile.path}")
    assert not marker.exists()
    assert got.kind("git.commit").height == 1


def test_a_missing_object_is_not_fetched_from_a_promisor(
    hostile: Repository, marker: Path, tmp_path: Path
):
    """A ref to an object that only the promisor has: plain git would fetch it, by ``ext::``."""
    ref = hostile.path / ".git/refs/heads/elsewhere"
    ref.write_text("1234567890" * 4 + "\n")
    got = Collected(tmp_path / "case", path="models")
    assert not marker.exists()
    digests = got.kind("git.ref")["digest"].to_list()
    assert f"git:{'1234567890' * 4}" in digests
    assert got.kind("git.commit").height == 1


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch MARKER'", "--upload-pack=touch MARKER", "fd::3"]
)
def test_a_url_that_runs_a_program_is_refused(url: str, marker: Path, tmp_path: Path):
    got = Collected(tmp_path / "case", url=url)
    ((_, error),) = got.failures
    assert "could run a program" in str(error)
    assert not marker.exists()


def test_the_evidence_is_left_as_it_was(hostile: Repository, tmp_path: Path):
    before = state(hostile.path)
    Collected(tmp_path / "case", path="models")
    assert state(hostile.path) == before


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def test_the_callers_git_settings_are_not_heard(
    work: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    other = Repository(tmp_path / "other")
    other.commit("theirs", "2026-02-15T09:00:00Z")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / ".git/objects"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.abbrev")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.commit")["digest"].to_list() == [f"git:{one}"]


def test_objects_of_another_repository_are_not_borrowed(work: Repository, tmp_path: Path):
    """Alternates would bring a commit of the examiner's own disk into the evidence."""
    one = work.commit("one", "2026-02-14T09:00:00Z")
    private = Repository(tmp_path / "private")
    private.commit("secret", "2026-02-15T09:00:00Z")
    alternates = work.path / ".git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{private.path}/.git/objects\n")
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.commit")["digest"].to_list() == [f"git:{one}"]
    ((_, error),) = got.failures
    assert "borrows objects" in str(error)


def loose(work: Repository, name: str) -> Path:
    return work.path / ".git/objects" / name[:2] / name[2:]


def link_object(work: Repository, private: Path) -> str:
    target = next(p for p in (private / ".git/objects").rglob("*") if len(p.name) == 38)
    link = work.path / ".git/objects" / target.parent.name / target.name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)
    return f"objects/{link.parent.name}/{link.name}"


def link_fanout(work: Repository, private: Path) -> str:
    folder = next(
        p
        for p in sorted((private / ".git/objects").glob("??"))
        if not (work.path / ".git/objects" / p.name).exists()
    )
    (work.path / ".git/objects" / folder.name).symlink_to(folder)
    return f"objects/{folder.name}"


def pipe_ref(work: Repository, private: Path) -> str:
    del private
    os.mkfifo(work.path / ".git/refs/heads/pipe")
    return "refs/heads/pipe"


def link_ref(work: Repository, private: Path) -> str:
    (work.path / ".git/refs/heads/link").symlink_to(private / ".git/refs/heads/main")
    return "refs/heads/link"


def link_refs(work: Repository, private: Path) -> str:
    (work.path / ".git/refs/remotes").symlink_to(private / ".git/refs")
    return "refs/remotes"


def huge_ref(work: Repository, private: Path) -> str:
    del private
    (work.path / ".git/refs/heads/huge").write_text("a" * 5000)
    return "refs/heads/huge"


def pipe_log(work: Repository, private: Path) -> str:
    del private
    os.mkfifo(work.path / ".git/logs/refs/heads/pipe")
    return "logs/refs/heads/pipe"


@pytest.mark.parametrize(
    "plant", [link_object, link_fanout, pipe_ref, link_ref, link_refs, huge_ref, pipe_log]
)
def test_links_and_special_files_are_left_out_and_named(
    work: Repository, tmp_path: Path, plant: Callable[[Repository, Path], str]
):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    private = Repository(tmp_path / "private")
    private.commit("secret", "2026-02-15T09:00:00Z")
    name = plant(work, private.path)
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.commit")["digest"].to_list() == [f"git:{one}"]
    assert any(name in str(error) for _, error in got.failures)
    assert not [i for i in got.items.of("git.reflog") if "pipe" in i.native]


def test_replaced_objects_are_read_as_they_are(work: Repository, tmp_path: Path):
    """``git replace`` shows another commit under the old name; the bytes stay."""
    one = work.commit("one", "2026-02-14T09:00:00Z")
    two = work.commit("two", "2026-02-15T09:00:00Z")
    work("replace", one, two)
    got = Collected(tmp_path / "case", path="models")
    dates = dict(got.kind("git.commit").select("digest", "earliest").iter_rows())
    assert dates[f"git:{one}"] < dates[f"git:{two}"]
    assert "1 refs/replace/" in got.said()


def test_grafts_do_not_change_parents_and_end_coverage(work: Repository, tmp_path: Path):
    work.commit("one", "2026-02-14T09:00:00Z")
    two = work.commit("two", "2026-02-15T09:00:00Z")
    (work.path / ".git/info").mkdir(exist_ok=True)
    (work.path / ".git/info/grafts").write_text(f"{two}\n")
    got = Collected(tmp_path / "case", path="models")
    newest = got.kind("git.commit").filter(digest=f"git:{two}")["names"][0]
    assert len(newest) == 2, "tree and parent"
    assert got.parsed.coverage is not None
    assert got.parsed.coverage.is_empty()
    assert "grafts" in got.said()


def test_a_damaged_reflog_is_read_line_by_line(work: Repository, tmp_path: Path):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    log = work.path / ".git/logs/refs/heads/main"
    good = log.read_bytes()
    log.write_bytes(b"\x00\xff nonsense\n" + good + f"{one} {one} nobody\n".encode() + b"x" * 99)
    got = Collected(tmp_path / "case", path="models")
    moves = got.kind("git.reflog").filter(subject="git:code/refs/heads/main").sort("position")
    assert moves["citation"].to_list() == [f"reflog refs/heads/main line {n}" for n in (2, 3)]
    assert moves["earliest"].null_count() == 1
    for line in (1, 3, 4):
        assert f"reflog refs/heads/main line {line}:" in got.said()


def test_a_commit_of_ten_megabytes_is_named_and_left_out(work: Repository, tmp_path: Path):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    tree = work("rev-parse", "HEAD^{tree}")
    head = f"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\n".encode()
    large = work.object("commit", head + b"x" * 10_000_000)
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.commit")["digest"].to_list() == [f"git:{one}"]
    ((_, error),) = got.failures
    assert large in str(error)


def test_a_submodule_and_the_attributes_of_a_tree_run_nothing(
    work: Repository, marker: Path, tmp_path: Path
):
    """A tree with a submodule by ``ext::``, filters and a text conversion, held against an archive.

    The index that is read for its attributes is ours: the filters would run as it is checked out.
    """
    payload = tmp_path / "payload"
    payload.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    payload.chmod(0o755)
    one = work.commit("one", "2026-02-14T09:00:00Z")
    (work.path / ".gitattributes").write_text("* filter=bad diff=bad merge=bad export-subst\n")
    (work.path / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = x\n\turl = ext::{payload}\n\tupdate = !{payload}\n'
    )
    work("add", ".gitattributes", ".gitmodules")
    work("update-index", "--add", "--cacheinfo", f"160000,{one},x")
    work("commit", "-q", "-m", "two")
    config = work.path / ".git/config"
    config.write_text(
        config.read_text()
        + f"""
[filter "bad"]
    smudge = {payload}
    clean = {payload}
    process = {payload}
    required = true
[diff "bad"]
    textconv = {payload}
[submodule "x"]
    url = ext::{payload}
    update = !{payload}
    active = true
[submodule]
    recurse = true
[tar "tar"]
    command = {payload}
[protocol "ext"]
    allow = always
[core]
    fsmonitor = {payload}
"""
    )
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("m/file"), io.BytesIO())
    archives = ({"path": "m.tar", "ref": "refs/heads/main"},)
    got = Collected(tmp_path / "case", path="models", archives=archives)
    assert not got.failures
    assert not marker.exists()
    assert set(got.kind("tree.filtered")["value"]) == {".gitattributes", ".gitmodules", "file"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(work.home)}
    words = ["git", "archive", "--worktree-attributes", "HEAD"]
    subprocess.run(words, cwd=work.path, env=environment, capture_output=True, check=False)
    assert marker.exists(), "the payloads are live"


def test_a_type_that_is_no_word_ends_what_is_read():
    content = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    for kind in (b"commit", b"comm\xeft"):
        head = b"%b %d" % (kind, len(content))
        name = hashlib.sha1(head + b"\0" + content, usedforsecurity=False).hexdigest()
        data = b"%b %b\n%b\n" % (name.encode(), head, content)
        names: list[str] = []
        at = objects.regular(data, 0, names, [], [])
        assert (at, names) == ((len(data), [name]) if kind == b"commit" else (0, []))
