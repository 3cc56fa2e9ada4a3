"""release-archive-differs-from-tag: files of an archive are not the tree's under their path."""

from __future__ import annotations

from recon.rules.release_archive_differs_from_tag import release_archive_differs_from_tag as rule
from tests.stories import Story, commit

TAG = "refs/tags/v1"
TREE = {"a.py": "a", "b.py": "b"}


def archived(form: str = "archive", made: str = "c1", **kinds: dict[str, str]) -> Story:
    """The tree of v1, which is at c1, and an archive: by kind, the files and what they hold."""
    story = Story().committed("c1").ref(TAG, "c1").tagged(TAG, "c1", "m1")
    _files(story, "tree.file", f"git:code/{TAG}", TREE)
    subject = "git:code/archive/m.tar"
    item = _files(story, "archive.file", subject, kinds.pop("files"))
    for kind, files in kinds.items():
        _files(story, kind.replace("_", "."), subject, files, item)
    names = [f"git:{commit(made)}"] if made else []
    value = f"form={form} ref={TAG}"
    return story.event("code", "git.archive", subject, item=item, value=value, names=names)


def _files(
    story: Story, kind: str, subject: str, files: dict[str, str], item: str | None = None
) -> str:
    item = item or story.item()
    for path, text in files.items():
        story.event(
            *("code", kind, subject),
            item=item,
            value=path,
            digest=f"git:{commit(text)}",
            names=[f"git:{commit(text)}", *([f"git:{commit('b')}"] if text == "b in crlf" else [])],
            citation=f"file {path}",
        )
    return item


def test_fires_on_a_file_with_other_bytes():
    (draft,) = archived(files={"a.py": "other", "b.py": "b"}).judged(rule)
    assert (draft.verdict, draft.subject) == ("conflict", "model:m1@1")
    assert [role for role, _ in draft.events] == ["archive", "altered", "tree"]
    assert "1 file of it with other bytes" in draft.statement
    assert "(a.py); 1 of its files are the tag's" in draft.statement


def test_fires_on_an_archive_of_another_commit():
    (draft,) = archived(files=TREE, made="c0").judged(rule)
    assert (draft.verdict, draft.events[-1][0]) == ("conflict", "tag")


def test_undetermined_on_files_that_the_tag_lacks():
    (draft,) = archived(files={**TREE, "configure": "x", "m4/y": "y"}).judged(rule)
    assert draft.verdict == "undetermined"
    assert "2 files of it that the tag lacks (configure, m4/y)" in draft.statement


def test_undetermined_where_the_archive_cannot_be_read_to_its_end():
    (draft,) = archived("broken", files={"a.py": "a"}).judged(rule)
    assert draft.verdict == "undetermined"


def test_observes_files_that_an_archive_leaves_out():
    (draft,) = archived(files={"a.py": "a"}).judged(rule)
    assert (draft.verdict, draft.events[-1][0]) == ("observation", "missing")


def test_silent_on_the_same_files_and_on_other_forms_of_them():
    assert archived(files=TREE).judged(rule) == []
    assert archived(files={"a.py": "a", "b.py": "b in crlf"}, made="").judged(rule) == []


def test_silent_on_generated_files_and_on_what_an_sdist_leaves_out():
    story = archived("sdist", files={"a.py": "a"}, archive_generated={"PKG-INFO": "x"})
    assert story.judged(rule) == []


def test_silent_on_what_the_attributes_leave_out_or_encode():
    story = archived(files={**TREE, "c.txt": "encoded"})
    tree = next(row["item"] for row in story.rows if row["kind"] == "tree.file")
    _files(story, "tree.ignored", f"git:code/{TAG}", {"tests/x": "x"}, tree)
    _files(story, "tree.filtered", f"git:code/{TAG}", {"c.txt": "plain"}, tree)
    assert story.judged(rule) == []


def test_silent_where_one_of_several_clones_has_that_tree():
    story = archived(files={"a.py": "other", "b.py": "b"})
    _files(story, "tree.file", f"git:code/{TAG}", {"a.py": "other", "b.py": "b"})
    assert story.judged(rule) == []
