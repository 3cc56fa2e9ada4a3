"""Headers that git reads and simple patterns do not; and what not even git reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.git import headers, objects
from tests.collectors.git.repositories import Collected, Repository

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def commit(committer: bytes, author: bytes = b"A <a@x> 1 +0000") -> bytes:
    return (
        b"tree "
        + TREE.encode()
        + b"\nauthor "
        + author
        + b"\ncommitter "
        + committer
        + b"\n\nmessage\n"
    )


READ = [
    # line, seconds, who, e-mail
    (b"Ada <a@x> 1771061621 +0100", 1771061621, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 5000000000 +0000", 5000000000, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 1771061621 +051800", 1771061621, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 1771061621 -700", 1771061621, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 1771061621 -13068837", 1771061621, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 1771061621", 1771061621, "Ada <a@x>", "a@x"),
    (b"Ada <a@x> 0 +0000", 0, "Ada <a@x>", "a@x"),
    (b"<> 1771061621 +0000", 1771061621, "<>", ""),
    (b"Ada <a@x>> 1771061621 +0000", 1771061621, "Ada <a@x>>", "a@x"),
    (b"Ada <<a@x> b> 1771061621 +0000", 1771061621, "Ada <<a@x> b>", "<a@x"),
    (b"Ada <a@x>1771061621 +0000", 1771061621, "Ada <a@x>", "a@x"),
    ("Zoë <a@x> 1771061621 +0000".encode(), 1771061621, "Zoë <a@x>", "a@x"),
    (b"Zo\xeb <a@x> 1771061621 +0000", 1771061621, "Zo\\xeb <a@x>", "a@x"),
    (b"Ada\x1b[31m <a@x> 1771061621 +0000", 1771061621, "Ada\x1b[31m <a@x>", "a@x"),
]
UNREAD = [
    (b"Ada <a@x>", "Ada <a@x>"),
    (b"Ada", "Ada"),
    (b"Ada <a@x> yesterday", "Ada <a@x>"),
    (b"Ada <a@x> -5 +0000", "Ada <a@x>"),
    (b"Ada <a@x> 99999999999999999999 +0000", "Ada <a@x>"),
    (b"Ada <a@x> 253402300800 +0000", "Ada <a@x>"),
    (b"", ""),
]


@pytest.mark.parametrize("case", READ)
def test_what_git_reads_is_read(
    work: Repository, tmp_path: Path, case: tuple[bytes, int, str, str]
):
    line, seconds, who, mail = case
    name = work.object("commit", commit(line))
    got = Collected(tmp_path / "case", path="models")
    row = got.kind("git.commit").row(0, named=True)
    assert row["digest"] == f"git:{name}"
    assert row["earliest"] == datetime.fromtimestamp(seconds, UTC)
    assert row["clock"] == f"git:committer:{mail}"
    assert row["actor"] == who
    assert not got.said()
    # git's own reading; without a zone it prints no time, and still walks by it.
    if b" 1771061621" in line and line[-5:-4] in b"+-":
        assert work("log", "-1", "--format=%ct", name) == str(seconds)


@pytest.mark.parametrize(("line", "who"), UNREAD)
def test_what_git_does_not_read_is_undated_with_a_warning(
    work: Repository, tmp_path: Path, line: bytes, who: str
):
    name = work.object("commit", commit(line))
    got = Collected(tmp_path / "case", path="models")
    row = got.kind("git.commit").row(0, named=True)
    assert (row["digest"], row["earliest"], row["latest"]) == (f"git:{name}", None, None)
    assert row["actor"] == who
    assert f"commit {name}: expected a time that git reads in the committer line" in got.said()
    assert got.kind("git.author")["earliest"].to_list() == [
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    ]


def test_a_declared_encoding_is_used(work: Repository, tmp_path: Path):
    text = commit(b"Zo\xeb <a@x> 1771061621 +0000").replace(
        b"\n\n", b"\nencoding ISO-8859-1\n\n", 1
    )
    work.object("commit", text)
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.commit")["actor"].to_list() == ["Zoë <a@x>"]


def test_two_author_lines_are_noted(work: Repository, tmp_path: Path):
    text = commit(b"C <c@x> 3 +0000").replace(
        b"\ncommitter", b"\nauthor B <b@x> 2 +0000\ncommitter"
    )
    name = work.object("commit", text)
    got = Collected(tmp_path / "case", path="models")
    assert got.kind("git.author")["actor"].to_list() == ["A <a@x>"]
    assert f"commit {name}: expected one author line; found several" in got.said()


def test_parents_are_taken_where_git_takes_them(work: Repository, tmp_path: Path):
    """A ``parent`` line behind the author is no parent to git."""
    one = work.commit("one", "2026-02-14T09:00:00Z")
    text = commit(b"C <c@x> 3 +0000").replace(
        b"\ncommitter", b"\nparent %b\ncommitter" % one.encode()
    )
    name = work.object("commit", text)
    got = Collected(tmp_path / "case", path="models")
    odd = got.kind("git.commit").filter(digest=f"git:{name}")
    assert odd["names"].to_list() == [[f"git:{TREE}"]]
    assert work("rev-list", "--parents", "-1", name) == name


@pytest.mark.parametrize("text", [b"", b"\n", b"nonsense", b"tree x\n", b"\x00" * 50, b"\n\n\n"])
@pytest.mark.parametrize("kind", ["commit", "tag"])
def test_an_object_that_is_no_commit_and_no_tag(
    work: Repository, tmp_path: Path, kind: str, text: bytes
):
    name = work.object(kind, text)
    got = Collected(tmp_path / "case", path="models")
    row = got.kind(f"git.{kind}").row(0, named=True)
    assert (row["digest"], row["names"]) == (f"git:{name}", [])
    assert f"{kind} {name}: expected" in got.said()


def test_a_tag_without_tagger_is_undated_and_no_fault(work: Repository, tmp_path: Path):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    work.object("tag", f"object {one}\ntype commit\ntag v0.99\n\nold\n".encode())
    got = Collected(tmp_path / "case", path="models")
    row = got.kind("git.tag").row(0, named=True)
    assert (row["value"], row["earliest"], row["clock"], row["basis"]) == (
        "v0.99",
        None,
        None,
        None,
    )
    assert not got.said()


def test_a_tag_whose_name_differs_from_its_ref(work: Repository, tmp_path: Path):
    work.commit("one", "2026-02-14T09:00:00Z")
    work("tag", "-a", "-m", "x", "v1")
    work("update-ref", "refs/tags/v2", work("rev-parse", "refs/tags/v1"))
    got = Collected(tmp_path / "case", path="models")
    assert (
        "ref refs/tags/v2: expected a tag object called 'v2'; found one called 'v1'" in got.said()
    )


def test_tags_in_a_ring_end(work: Repository, tmp_path: Path):
    """No hash allows a ring; a lying item does not hang us either."""
    from collectors.git.refs import peel

    ring = {"a": {"object": "b"}, "b": {"object": "a"}}
    assert len(peel("a", ring)[1]) == 16
    del work, tmp_path


WORDS = st.sampled_from(
    [
        b"",
        b"Ada",
        b"<",
        b">",
        b"<a@x>",
        b" ",
        b"1771061621",
        b"+0000",
        b"-700",
        b"0" * 12,
        b"\xff",
        b"\t",
        b"9" * 25,
        "ë".encode(),
        b"a" * 250,
        b"\r",
        b"\x00",
    ]
)
LINES = st.one_of(
    st.just(b"Ada <a@x> 1771061621 +0000"), st.lists(WORDS, max_size=6).map(b" ".join)
)
HEADS = st.lists(
    st.one_of(
        st.just(b"tree " + TREE.encode()),
        st.just(b"parent " + TREE.encode()),
        st.builds(bytes.__add__, st.sampled_from([b"author ", b"committer "]), LINES),
        st.sampled_from([b"encoding ISO-8859-1", b"gpgsig x", b" author A <a@x> 1 +0000", b""]),
    ),
    max_size=6,
)
REGULAR = st.builds(
    lambda parents, author, committer, rest: [
        b"tree " + TREE.encode(),
        *[b"parent " + TREE.encode()] * parents,
        b"author " + author,
        b"committer " + committer,
        *rest,
    ],
    st.integers(0, 2),
    LINES,
    LINES,
    HEADS,
)
MESSAGES = st.sampled_from([b"", b"\nmessage\n", b"\n" + b"ab" * 20, b"\n" + b"cd" * 32 + b"\n"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.one_of(HEADS, REGULAR), MESSAGES), min_size=1, max_size=8))
def test_the_one_expression_and_the_single_headers_agree(
    commits: list[tuple[list[bytes], bytes]],
):
    """One expression gives of a commit what its headers give one by one."""
    texts = [objects.text_of(b"\n".join(head) + b"\n" + message) for head, message in commits]
    raw = pl.DataFrame({"name": [str(n) for n in range(len(texts))], "text": texts})
    raw = raw.with_columns(item=pl.lit("i"))
    both, _ = headers.commits(raw)
    single = headers.by_header(raw).select(both.columns)
    assert both.sort("name").equals(single.sort("name"))


RECORDS = st.lists(
    st.one_of(
        st.builds(
            lambda kind, data: (kind, data),
            st.sampled_from(["commit", "tag"]),
            st.binary(max_size=40),
        ),
    ),
    max_size=6,
)


@given(RECORDS, st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_byte_never_changes_an_object_unseen(
    records: list[tuple[str, bytes]], place: int, flip: int
):
    """Flipping any byte: each object is read as it was, or is not read."""
    stored = {objects.name_of(kind, data, 40): (kind, data) for kind, data in records}
    item = bytearray(
        b"".join(
            f"{name} {kind} {len(data)}\n".encode() + data + b"\n"
            for name, (kind, data) in stored.items()
        )
    )
    if item:
        item[place % len(item)] ^= flip
    names: list[str] = []
    kinds: list[str] = []
    texts: list[str] = []
    objects.regular(bytes(item), 0, names, kinds, texts)
    for name, kind, text in zip(names, kinds, texts, strict=True):
        assert stored[name] == (kind, text.encode())
