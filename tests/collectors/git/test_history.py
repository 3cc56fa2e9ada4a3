"""Commits, tags, refs and reflogs of real repositories, held against git's own reading."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.git import GitClaim, collector
from recon import schema
from recon.errors import BadInputError
from tests.collectors.git.repositories import Collected, Repository

CLAIM = GitClaim(ref="refs/tags/{model}-v{version}", subject="model:{model}@{version}")


def test_commits_are_those_of_git_log_and_git_fsck(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    logged = story("log", "--all", "--reflog", "--format=%H %ct %at %an <%ae>|%P %T").splitlines()
    dangling = story("fsck", "--unreachable", "--no-reflogs", "--dangling").splitlines()
    commits = {row["digest"]: row for row in got.kind("git.commit").iter_rows(named=True)}
    authors = {row["subject"]: row for row in got.kind("git.author").iter_rows(named=True)}
    for line in logged:
        head, _, names = line.partition("|")
        digest, committed, authored, who = head.split(" ", 3)
        row = commits.pop(f"git:{digest}")
        assert row["earliest"] == datetime.fromtimestamp(int(committed), UTC)
        assert row["latest"] - row["earliest"] == timedelta(microseconds=999_999)
        assert row["actor"] == who
        assert row["names"] == [f"git:{name}" for name in reversed_names(names)]
        assert row["basis"] == "asserted"
        author = authors[f"git:code/commit/{digest}"]
        assert author["earliest"] == datetime.fromtimestamp(int(authored), UTC)
        assert author["names"] is None
    assert not commits
    lost = {f"git:{line.split()[2]}" for line in dangling if line.split()[1] == "commit"}
    assert lost <= set(got.kind("git.commit")["digest"])
    assert lost, "the story has commits that no ref reaches"
    assert not got.failures


def reversed_names(names: str) -> list[str]:
    """The commit's own order: tree, then parents."""
    *parents, tree = names.split()
    return [tree, *parents]


def test_a_commit_is_read_while_only_the_object_store_has_it(work: Repository, tmp_path: Path):
    work.commit("kept", "2026-02-14T09:00:00Z")
    lost = work.commit("lost", "2026-03-01T09:00:00Z")
    work("reset", "-q", "--hard", "HEAD~1")
    work("reflog", "expire", "--expire=now", "--all")
    got = Collected(tmp_path / "case", path="models")
    assert f"git:{lost}" in got.kind("git.commit")["digest"]
    assert f"git:{lost}" not in got.kind("git.ref")["digest"]


def test_tags_of_commits_tags_and_files(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    tags = {row["value"]: row for row in got.kind("git.tag").iter_rows(named=True)}
    assert set(tags) == {"credit-risk-v2.3.1", "tag-of-tag", "tag-of-blob"}
    release = tags["credit-risk-v2.3.1"]
    assert release["clock"] == "git:tagger:ci@acme.example"
    assert release["earliest"] == datetime(2026, 2, 14, 10, tzinfo=UTC)
    assert release["names"] == ["git:" + story("rev-parse", "credit-risk-v2.3.1^{commit}")]
    assert tags["tag-of-tag"]["names"] == [release["digest"]]
    assert tags["tag-of-blob"]["names"] == ["git:" + story("rev-parse", "main:file")]


def test_refs_are_undated_and_say_what_they_point_to(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    refs = {row["subject"]: row for row in got.kind("git.ref").iter_rows(named=True)}
    for line in story("for-each-ref", "--format=%(objectname) %(refname)").splitlines():
        digest, name = line.split()
        row = refs.pop(f"git:code/{name}")
        assert (row["digest"], row["earliest"]) == (f"git:{digest}", None)
        assert row["citation"] == f"ref {name}"
    assert list(refs) == ["git:code/HEAD"]
    assert refs["git:code/HEAD"]["value"] == "refs/heads/main"


def test_claims_of_refs_are_dated_by_their_tag(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", (CLAIM,), path="models")
    claims = {row["subject"]: row for row in got.kind("claim").iter_rows(named=True)}
    annotated = claims["model:credit-risk@2.3.1"]
    assert annotated["value"] == story("rev-parse", "credit-risk-v2.3.1^{commit}")
    assert annotated["digest"] == "git:" + annotated["value"]
    assert annotated["earliest"] == datetime(2026, 2, 14, 10, tzinfo=UTC)
    assert annotated["clock"] == "git:tagger:ci@acme.example"
    lightweight = claims["model:credit-risk@2.3.2"]
    assert (lightweight["earliest"], lightweight["basis"]) == (None, None)
    assert set(claims) == {"model:credit-risk@2.3.1", "model:credit-risk@2.3.2"}


@pytest.mark.usefixtures("story")
def test_a_ref_to_a_file_makes_no_claim(tmp_path: Path):
    claim = GitClaim(ref="refs/tags/tag-of-{what}", subject="thing:{what}")
    got = Collected(tmp_path / "case", (claim,), path="models")
    assert got.kind("claim")["subject"].to_list() == ["thing:tag"]
    assert "ref refs/tags/tag-of-blob: expected a ref to a commit" in got.said()


def test_a_force_push_stands_in_the_reflog_of_the_server(work: Repository, tmp_path: Path):
    """09:00 push A; 10:00 force-push B over it: the server stamps both, A stays readable."""
    server = Repository(tmp_path / "server.git", "--bare")
    server("config", "core.logAllRefUpdates", "true")
    old = work.commit("A", "2026-02-14T08:00:00Z")
    work("push", "-q", "../server.git", "main", when="2026-02-14T09:00:00Z")
    work("commit", "-q", "--amend", "-m", "B", when="2026-02-14T09:30:00Z")
    new = work("rev-parse", "HEAD")
    work("push", "-qf", "../server.git", "main", when="2026-02-14T10:00:00Z")
    got = Collected(tmp_path / "case", path="server.git")
    moves = got.kind("git.reflog").filter(subject="git:code/refs/heads/main").sort("position")
    zero = "0" * 40
    assert moves["value"].to_list() == [f"{zero} {old}", f"{old} {new}"]
    assert moves["digest"].to_list() == [f"git:{old}", f"git:{new}"]
    assert moves["names"].to_list() == [[f"git:{old}"], [f"git:{old}", f"git:{new}"]]
    assert moves["earliest"].to_list() == [
        datetime(2026, 2, 14, 9, tzinfo=UTC),
        datetime(2026, 2, 14, 10, tzinfo=UTC),
    ]
    assert set(moves["basis"]) == {"stamped"}
    assert set(moves["clock"]) == {"git:code/reflog"}
    assert set(moves["citation"]) == {f"reflog refs/heads/main line {n}" for n in (1, 2)}
    assert {f"git:{old}", f"git:{new}"} <= set(got.kind("git.commit")["digest"])


@pytest.mark.usefixtures("story")
def test_the_reflog_of_a_working_repository_is_only_asserted(tmp_path: Path):
    moves = Collected(tmp_path / "case", path="models").kind("git.reflog")
    assert set(moves["basis"]) == {"asserted"}
    assert "git:code/HEAD" in moves["subject"].to_list()


def test_every_citation_leads_back_to_the_words(story: Repository, tmp_path: Path):
    got = Collected(tmp_path / "case", (CLAIM,), path="models")
    by_hash = {item.sha256: item for item in got.items}
    for item, citation in got.events.select("item", "citation").unique().iter_rows():
        quote = collector.quote(got.source, got.items, by_hash[item], citation)
        word, _, name = citation.partition(" ")
        if word in {"commit", "tag"}:
            assert quote.text == story("cat-file", word, name) + "\n"
            shown = quote.how.partition(";")[0].replace("ITEM", str(got.items.path(by_hash[item])))
            printed = subprocess.run(shown, shell=True, check=True, capture_output=True)  # noqa: S602
            assert printed.stdout.decode() == quote.text
        elif word == "ref":
            assert quote.text.split("\n")[0].split(" ")[1] == name
    release = got.items.of("git.refs")[0]
    quote = collector.quote(got.source, got.items, release, "ref refs/tags/credit-risk-v2.3.1")
    assert "tagger CI <ci@acme.example>" in quote.text


@pytest.mark.parametrize("citation", ["commit " + "0" * 40, "line 1", "ref refs/heads/none", "x"])
def test_a_citation_that_is_not_there_is_refused(work: Repository, tmp_path: Path, citation: str):
    work.commit("one", "2026-02-14T09:00:00Z")
    got = Collected(tmp_path / "case", path="models")
    for item in got.items:
        with pytest.raises(BadInputError):
            collector.quote(got.source, got.items, item, citation)


def test_a_message_that_looks_like_a_record_moves_no_other(work: Repository, tmp_path: Path):
    """The message holds a header of ``cat-file --batch`` and a commit: it is a message."""
    fake = "f" * 40
    text = (
        f"title\n\n{fake} commit 20\ntree {fake}\nauthor X <x> 1 +0000\ncommitter X <x> 1 +0000\n"
    )
    one = work.commit(text, "2026-02-14T09:00:00Z")
    got = Collected(tmp_path / "case", path="models")
    commits = got.kind("git.commit")
    assert commits["digest"].to_list() == [f"git:{one}"]
    assert commits["actor"].to_list() == ["Ada Byron <ada@acme.example>"]
    assert f"git:{fake}" in commits["names"][0].to_list()


def test_a_digest_in_a_message_was_there_before(work: Repository, tmp_path: Path):
    artifact = "ab" * 32
    work.commit(f"retrain\n\nmodel.bin sha256 {artifact}", "2026-02-14T09:00:00Z")
    names = Collected(tmp_path / "case", path="models").kind("git.commit")["names"][0]
    assert f"sha256:{artifact}" in names.to_list()


@pytest.mark.usefixtures("story")
def test_whole_history_is_covered_up_to_its_newest_commit(tmp_path: Path):
    """A copy on disk may be old: it proves nothing of the time after its newest record."""
    got = Collected(tmp_path / "case", path="models")
    coverage = got.parsed.coverage
    assert coverage is not None
    assert coverage.schema == pl.Schema(schema.DRAFT_COVERAGE)
    assert coverage["kind"].to_list() == ["git.commit"]
    assert coverage["subject"].to_list() == ["git:code/*"]
    assert coverage["latest"].to_list() == [datetime(2026, 3, 3, 9, tzinfo=UTC)]
    snapshot = got.kind("snapshot").row(0, named=True)
    assert (snapshot["subject"], snapshot["clock"]) == ("git:code", "examiner")
    assert snapshot["earliest"] < snapshot["latest"]


def test_a_shallow_clone_covers_nothing_and_says_so(story: Repository, tmp_path: Path):
    story("clone", "-q", "--depth=1", "--bare", f"file://{story.path}", "../shallow.git")
    got = Collected(tmp_path / "case", path="shallow.git")
    assert got.kind("git.commit").height == 1
    assert got.parsed.coverage is not None
    assert got.parsed.coverage.is_empty()
    assert "shallow clone" in got.said()


@pytest.mark.usefixtures("story")
def test_parsing_twice_gives_the_same(tmp_path: Path):
    got = Collected(tmp_path / "case", (CLAIM,), path="models")
    again = collector.parse(got.source, got.items)
    assert again.events.collect().equals(got.events)
    assert again.warnings == got.parsed.warnings


def test_a_repacked_repository_gives_the_same_objects_item(story: Repository, tmp_path: Path):
    before = Collected(tmp_path / "before", path="models").items.of("git.objects")
    story("gc", "-q", "--prune=never")
    after = Collected(tmp_path / "after", path="models").items.of("git.objects")
    assert [item.sha256 for item in before] == [item.sha256 for item in after]


def test_events_keep_their_ids_when_the_repository_is_acquired_again(
    work: Repository, tmp_path: Path
):
    from recon.evidence import Acquiring, CaseItems

    work.commit("one", "2026-02-14T09:00:00Z")
    got = Collected(tmp_path / "case", path="models")
    work.commit("two", "2026-02-15T09:00:00Z")
    Acquiring(got.evidence, got.source, again=True).run(collector.acquire)
    items = CaseItems(got.evidence, "code")
    again = collector.parse(got.source, items).events.collect()
    ids = set(got.events.select(schema.event_id()).to_series())
    assert ids <= set(again.select(schema.event_id()).to_series())
    assert again.filter(kind="git.commit").height == 2
    assert again.filter(kind="snapshot").height == 2
