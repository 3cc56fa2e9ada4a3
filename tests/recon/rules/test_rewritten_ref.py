"""rewritten-ref: a ref moved off a commit that another source names; no ref reaches it any more."""

from __future__ import annotations

from recon.rules.rewritten_ref import rewritten_ref
from tests.stories import Story, commit

MAIN = "refs/heads/main"


def rewritten() -> Story:
    """c1 ← c2 was main; c1 ← c3 is main; a deploy names c2."""
    return (
        Story()
        .committed("c1")
        .committed("c2", "c1")
        .committed("c3", "c1")
        .ref(MAIN, "c3")
        .deployed("10:05", "m1", commit=f"git:{commit('c2')}")
    )


def test_fires_where_a_reflog_moved_the_ref_off_a_deployed_commit():
    story = rewritten().whole_history().moved("11:00", MAIN, "c2", "c3")
    (draft,) = story.judged(rewritten_ref)
    assert draft.verdict == "conflict"
    assert [role for role, _ in draft.events] == ["named", "commit", "moved"]


def test_observes_where_there_is_no_reflog():
    (draft,) = rewritten().whole_history().judged(rewritten_ref)
    assert draft.verdict == "observation"


def test_undetermined_where_the_history_is_not_whole():
    (draft,) = rewritten().moved("11:00", MAIN, "c2", "c3").judged(rewritten_ref)
    assert draft.verdict == "undetermined"


def test_silent_on_a_rebase_of_what_nobody_else_names():
    story = (
        Story()
        .committed("c1")
        .committed("c2", "c1")
        .committed("c3", "c1")
        .ref(MAIN, "c1")
        .ref("refs/heads/feature", "c3")
        .whole_history()
        .moved("11:00", "refs/heads/feature", "c2", "c3")
        .deployed("10:05", "m1", commit=f"git:{commit('c1')}")
    )
    assert story.judged(rewritten_ref) == []


def test_silent_where_another_ref_still_reaches_the_commit():
    story = rewritten().ref("refs/tags/v1", "c2").whole_history()
    story.moved("11:00", MAIN, "c2", "c3")
    assert story.judged(rewritten_ref) == []


def test_silent_on_a_move_forward():
    story = (
        Story()
        .committed("c1")
        .committed("c2", "c1")
        .ref(MAIN, "c2")
        .whole_history()
        .moved("11:00", MAIN, "c1", "c2")
        .deployed("10:05", "m1", commit=f"git:{commit('c1')}")
    )
    assert story.judged(rewritten_ref) == []


def test_silent_where_an_annotated_tag_reaches_the_commit():
    story = rewritten().whole_history()
    story.event(
        "code",
        "git.tag",
        "git:code/tag/t1",
        digest=f"git:{commit('t1')}",
        names=[f"git:{commit('c2')}"],
    )
    story.ref("refs/tags/v1", "t1").moved("11:00", MAIN, "c2", "c3")
    assert story.judged(rewritten_ref) == []
