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


def test_a_mirror_that_fetched_the_commit_is_no_other_source_that_names_it():
    """Nobody but the repository itself knew of c2: that a mirror once fetched it tells no more."""
    story = Story().committed("c1").committed("c2", "c1").committed("c3", "c1").ref(MAIN, "c3")
    names = [f"git:{commit('c2')}"]
    story.event("code", "git.fetch", "git:code", "10:30", names=names, basis="stamped")
    story.whole_history().moved("11:00", MAIN, "c2", "c3")
    assert story.judged(rewritten_ref) == []


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


def test_fires_where_an_older_clone_still_has_the_commit():
    """Its branch reaches the commit, and the repository as its mirror shows it does not."""
    story = Story().committed("c1").committed("c2", "c1").committed("c3", "c1").whole_history()
    story.clone("bare old", "02:00", "11:00", heads_main="c2")
    story.clone("mirror u", "12:00", heads_main="c3")
    (draft,) = story.deployed("10:05", "m1", commit=f"git:{commit('c2')}").judged(rewritten_ref)
    assert draft.verdict == "conflict"
    assert [role for role, _ in draft.events] == ["named", "commit", "was", "is"]


def test_fires_where_a_forge_saw_the_push_and_no_reflog_is_at_hand():
    story = rewritten().whole_history().pushed("11:00", MAIN, "c2", "c3")
    (draft,) = story.judged(rewritten_ref)
    assert draft.verdict == "conflict"
    assert "github:a/b/refs/heads/main was moved" in draft.statement


def test_a_message_that_names_a_commit_does_not_reach_it():
    """`git revert` and `git cherry-pick -x` write down another commit's name."""
    story = Story().committed("c1", tree="t1").committed("c2", "c1", tree="t2", title="a")
    story.committed("c3", "c1", tree="t3", title="b").rows[-2]["names"].append(
        f"git:{commit('c2')}"
    )
    story.clone("mirror u", "12:00", heads_main="c3").whole_history()
    story.moved("11:00", MAIN, "c2", "c3")
    (draft,) = story.deployed("10:05", "m1", commit=f"git:{commit('c2')}").judged(rewritten_ref)
    assert draft.verdict == "conflict"


def test_silent_on_a_clone_that_is_only_older():
    story = Story().committed("c1").committed("c2", "c1").whole_history()
    story.clone("bare old", "02:00", "11:00", heads_main="c1")
    story.clone("mirror u", "12:00", heads_main="c2")
    assert story.deployed("10:05", "m1", commit=f"git:{commit('c1')}").judged(rewritten_ref) == []
