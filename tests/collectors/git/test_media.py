"""The same history from a remote, a bundle, a bare and a working repository; and what is none."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from collectors.git import GitClaim, GitOptions, catfile, collector
from collectors.git.opening import masked, transport
from recon import schema
from recon.errors import BadInputError, UnreachableError
from recon.evidence import Acquiring
from tests.collectors.git.repositories import Collected, Repository


def commits(got: Collected) -> set[str]:
    return set(got.kind("git.commit")["digest"])


def reachable(work: Repository) -> set[str]:
    return {f"git:{line}" for line in work("rev-list", "--all").split()}


def test_a_bundle_gives_what_its_repository_gives(story: Repository, tmp_path: Path):
    story("bundle", "create", "-q", "../code.bundle", "--all")
    got = Collected(tmp_path / "case", path="code.bundle")
    assert not got.failures
    assert commits(got) == reachable(story)
    direct = Collected(tmp_path / "direct", path="models")
    columns = ["kind", "subject", "value", "digest", "clock", "earliest", "actor", "names"]
    for kind in ("git.tag", "git.author"):
        ours, theirs = (
            one.kind(kind).filter(pl.col("subject").is_in(got.events["subject"].implode()))
            for one in (got, direct)
        )
        assert ours.select(columns).sort("subject").equals(theirs.select(columns).sort("subject"))
    assert [item.kind for item in got.items] == ["git.bundle", "git.objects", "git.refs"]
    bundle = got.items.of("git.bundle")[0]
    assert got.items.read(bundle) == (tmp_path / "code.bundle").read_bytes()


def test_a_bundle_that_lists_a_ref_twice_is_read_line_by_line(story: Repository, tmp_path: Path):
    """git makes no such bundle; whoever writes one by hand may have each line name a commit."""
    first, last = story("rev-list", "--max-parents=0", "main"), story("rev-parse", "main")
    story("bundle", "create", str(tmp_path / "plain.bundle"), "main")
    plain = (tmp_path / "plain.bundle").read_bytes()
    line = f"{last} refs/heads/main\n".encode()
    assert line in plain
    (tmp_path / "a.bundle").write_bytes(plain.replace(line, first.encode() + line[40:] + line))
    claim = GitClaim(ref="refs/heads/{branch}", subject="branch:{branch}")
    got = Collected(tmp_path / "case", (claim,), path="a.bundle")
    moved = got.kind("git.ref").sort("part")
    assert moved["digest"].to_list() == [f"git:{first}", f"git:{last}"]
    assert moved["citation"].to_list() == ["ref refs/heads/main"] * 2
    ids = got.events.select(schema.event_id()).to_series()
    assert ids.n_unique() == ids.len()
    assert got.kind("claim")["value"].to_list() == [first], "what the citation leads to"
    assert "ref refs/heads/main: expected each ref once" in got.said()
    twin = Collected(tmp_path / "twin", (claim,), path="plain.bundle")
    assert "expected each ref once" not in twin.said()


def test_a_bundle_that_builds_on_another_comes_after_it(work: Repository, tmp_path: Path):
    work.commit("one", "2026-02-14T09:00:00Z")
    work("bundle", "create", "-q", "../first.bundle", "main")
    work.commit("two", "2026-02-15T09:00:00Z")
    work("bundle", "create", "-q", "../second.bundle", "main~1..main")
    alone = Collected(tmp_path / "alone", path="second.bundle")
    ((native, error),) = alone.failures
    assert native == "second.bundle"
    assert "earlier bundle" in str(error)
    both = Collected(tmp_path / "both", paths=("first.bundle", "second.bundle"))
    assert not both.failures
    assert commits(both) == reachable(work)
    assert both.parsed.coverage is not None
    assert both.parsed.coverage.height == 2


def test_a_repository_of_sha256_format(tmp_path: Path):
    work = Repository(tmp_path / "models", "--object-format=sha256")
    one = work.commit("one", "2026-02-14T09:00:00Z")
    two = work.commit("two", "2026-02-15T09:00:00Z")
    work("bundle", "create", "-q", "../code.bundle", "--all")
    for path in ("models", "code.bundle"):
        got = Collected(tmp_path / path.replace(".", "-"), path=path)
        assert not got.failures
        assert commits(got) == {f"git:{one}", f"git:{two}"}
        newest = got.kind("git.commit").filter(digest=f"git:{two}").row(0, named=True)
        assert newest["names"][1:] == [f"git:{one}"]
        assert got.parsed.coverage is not None
        assert got.parsed.coverage.height == 1


@pytest.mark.usefixtures("work")
def test_an_empty_repository_has_a_snapshot_and_covers_nothing(tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    assert not got.failures
    assert got.events["kind"].to_list() == ["snapshot"]
    assert got.parsed.coverage is not None
    assert got.parsed.coverage.is_empty()


def test_packed_refs_and_packed_objects_are_read_like_loose_ones(story: Repository, tmp_path: Path):
    before = Collected(tmp_path / "before", path="models")
    story("pack-refs", "--all")
    story("gc", "-q", "--prune=never")
    after = Collected(tmp_path / "after", path="models")
    assert not after.failures
    assert before.kind("git.ref")["subject"].to_list() == after.kind("git.ref")["subject"].to_list()
    assert commits(before) == commits(after)
    assert "packed-refs" in {item.meta.get("name") for item in after.items.of("git.file")}


@pytest.fixture
def daemon(story: Repository) -> Iterator[str]:
    """``git daemon`` on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"]
    words += [f"--port={port}", f"--base-path={story.path.parent}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"git://127.0.0.1:{port}/models"
        process.terminate()


@pytest.mark.live
def test_a_remote_is_mirrored(daemon: str, story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", url=daemon)
    assert not got.failures
    assert commits(got) == reachable(story)
    heads = {row[0] for row in got.kind("git.ref").select("subject").iter_rows()}
    assert {"git:code/HEAD", "git:code/refs/heads/main", "git:code/refs/heads/feature"} <= heads
    assert got.parsed.coverage is not None
    snapshot = got.kind("snapshot").row(0, named=True)
    assert got.parsed.coverage["latest"].to_list() == [snapshot["latest"]]
    assert snapshot["earliest"] == snapshot["latest"]


@pytest.mark.live
def test_a_remote_that_refuses_is_named(daemon: str, tmp_path: Path):
    got = Collected(tmp_path / "case", url=daemon.replace("models", "none"))
    ((native, error),) = got.failures
    assert native.endswith("/none")
    assert isinstance(error, UnreachableError)
    assert got.events.is_empty()


def test_a_second_collect_stores_nothing_twice(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", paths=("models", "none"))
    assert [native for native, _ in got.failures] == ["none"]
    story("bundle", "create", "-q", "../none", "--all")
    acquiring = Acquiring(got.evidence, got.source)
    acquiring.run(collector.acquire)
    assert acquiring.failures == []
    assert acquiring.has("models#objects")
    assert acquiring.has("none#objects")
    assert acquiring.stored == 3, "bundle, refs and objects of the one that was missing"


def test_what_is_no_repository_is_named_and_the_rest_goes_on(story: Repository, tmp_path: Path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "folder").mkdir()
    story("worktree", "add", "-q", "../tree", "feature")
    got = Collected(tmp_path / "case", paths=("text", "folder", "tree", "none", "models"))
    errors = dict(got.failures)
    assert set(errors) == {"text", "folder", "tree", "none"}
    assert "neither" in str(errors["text"])
    assert "without `HEAD`" in str(errors["folder"])
    assert "linked working tree" in str(errors["tree"])
    assert isinstance(errors["none"], BadInputError)
    assert reachable(story) <= commits(got)


@pytest.mark.parametrize("cut", [30, 200, -30])
def test_a_truncated_bundle_is_named(story: Repository, tmp_path: Path, cut: int):
    story("bundle", "create", "-q", "../code.bundle", "--all")
    path = tmp_path / "code.bundle"
    path.write_bytes(path.read_bytes()[:cut])
    got = Collected(tmp_path / "case", path="code.bundle")
    ((native, error),) = got.failures
    assert native == "code.bundle"
    assert isinstance(error, BadInputError)
    assert [item.kind for item in got.items] == ["git.bundle"], "its bytes are kept"


def test_a_damaged_object_is_named_and_the_rest_is_read(work: Repository, tmp_path: Path):
    first = work.commit("one", "2026-02-14T09:00:00Z")
    bad = work.commit("two", "2026-02-15T09:00:00Z")
    last = work.commit("three", "2026-02-16T09:00:00Z")
    path = work.path / ".git/objects" / bad[:2] / bad[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-12] + b"\0" * 12)
    got = Collected(tmp_path / "case", path="models")
    assert commits(got) == {f"git:{first}", f"git:{last}"}
    assert any(bad in str(error) for _, error in got.failures)
    assert got.parsed.coverage is not None
    assert got.parsed.coverage.is_empty()
    assert "lack a parent" in got.said()


def test_an_object_whose_header_is_gone_takes_no_other_with_it(work: Repository, tmp_path: Path):
    """git lists it as ``c… missing``, which begins as ``commit`` does: all commits are read."""
    first = work.commit("one", "2026-02-14T09:00:00Z")
    names = (work("hash-object", "-w", "--stdin", stdin=b"%d" % n) for n in range(1000))
    bad = next(name for name in names if name.startswith("c"))
    path = work.path / ".git/objects" / bad[:2] / bad[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    last = work.commit("two", "2026-02-15T09:00:00Z")
    got = Collected(tmp_path / "case", path="models")
    assert commits(got) == {f"git:{first}", f"git:{last}"}
    assert any(bad in str(error) for _, error in got.failures)


def test_names_that_cannot_be_asked_for_are_not_left_out_in_silence(
    work: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    work.commit("one", "2026-02-14T09:00:00Z")

    def fails(*_: object) -> bytes:
        raise ValueError("a line of another form")

    monkeypatch.setattr(catfile.Listing, "_pick", fails)
    with pytest.raises(ValueError, match="another form"):
        Collected(tmp_path / "case", path="models")


def test_git_reads_a_flipped_bit_and_we_do_not(work: Repository, tmp_path: Path):
    """A loose object under another's name: git prints it, its hash says that it is another."""
    one = work.commit("one", "2026-02-14T09:00:00Z")
    two = work.commit("two", "2026-02-15T09:00:00Z")
    objects = work.path / ".git/objects"
    target = objects / one[:2] / one[2:]
    target.chmod(0o644)
    target.write_bytes((objects / two[:2] / two[2:]).read_bytes())
    got = Collected(tmp_path / "case", path="models")
    assert commits(got) == {f"git:{two}"}
    assert f"commit {one}: expected bytes that hash to the object's name" in got.said()


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://example.org/acme/models.git", "https"),
        ("git@example.org:acme/models.git", "ssh"),
        ("ssh://git@example.org/acme/models.git", "ssh"),
        ("file:///srv/models.git", "file"),
        ("/srv/models.git", "file"),
        ("ext::sh -c 'touch x'", None),
        ("fd::7", None),
        ("-oProxyCommand=touch x", None),
        ("ftp://example.org/x", None),
        ("https://example.org/\nx", None),
    ],
)
def test_transports(url: str, protocol: str | None):
    assert transport(url) == protocol


def test_a_token_in_a_url_stays_out_of_the_custody_log(tmp_path: Path):
    url = "http://me:s3cret@127.0.0.1:9/models.git"
    assert masked(url) == "http://me:***@127.0.0.1:9/models.git"
    got = Collected(tmp_path / "case", url=url)
    assert len(got.failures) == 1
    log = (tmp_path / "case/evidence/custody.jsonl").read_text()
    assert "s3cret" not in log
    assert "me:***@127.0.0.1:9" in log


@pytest.mark.parametrize("options", [{}, {"path": "x", "depth": 1}])
def test_options_that_are_refused(options: dict[str, object]):
    with pytest.raises(ValidationError):
        GitOptions.model_validate(options)
