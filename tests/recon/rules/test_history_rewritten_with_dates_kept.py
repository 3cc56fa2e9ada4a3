"""history-rewritten-with-dates-kept: commits were exchanged for twins of the same dates."""

from __future__ import annotations

from recon.rules.history_rewritten_with_dates_kept import (
    history_rewritten_with_dates_kept as judged,
)
from recon.rules.rewritten_ref import rewritten_ref
from tests.stories import Story, commit

MAIN = "refs/heads/main"


def rewritten(
    *, tree: str = "t9", whole: bool = True, at: str = "03:00", who: str = "a@b"
) -> Story:
    """c1 ← c2 ← c3 was main; now it is c1 ← d2 ← d3, of the same dates."""
    told = (
        Story()
        .committed("c1", tree="t1", title="begin", time="01:00")
        .committed("c2", "c1", tree="t2", title="train", time="02:00")
        .committed("c3", "c2", tree="t3", title="tune", time="03:00")
        .committed("d2", "c1", tree=tree, title="train", time="02:00")
        .committed("d3", "d2", tree="t3", title="tune", time=at, authored="03:00", who=who)
        .clone("mirror u", "12:00", heads_main="d3")
    )
    return told.whole_history() if whole else told


def test_observes_a_rewrite_that_a_forge_saw():
    (draft,) = rewritten().pushed("11:00", MAIN, "c3", "d3").judged(judged)
    assert (draft.verdict, draft.subject) == ("observation", f"github:a/b/{MAIN}")
    assert "2 of the 2 commits" in draft.statement
    assert "1 with other files" in draft.statement
    assert f"{commit('c2')} and {commit('d2')}" in draft.statement


def test_fires_where_another_source_names_what_was_exchanged():
    told = rewritten().pushed("11:00", MAIN, "c3", "d3")
    told.deployed("10:05", "m1", commit=f"git:{commit('c3')}")
    (draft,) = told.judged(judged)
    assert (draft.verdict, draft.subject) == ("conflict", "model:m1@1")
    assert [role for role, _ in draft.events] == ["moved", "commit", "twin", "named"]
    assert told.judged(rewritten_ref) == [], "one record is told once"


def test_fires_on_two_clones_without_any_record_of_the_move():
    told = rewritten().clone("bare b", "04:00", "11:00", heads_main="c3")
    (draft,) = told.judged(judged)
    assert [role for role, _ in draft.events][:2] == ["was", "is"]


def test_names_and_files_may_both_be_the_same_but_for_the_names_of_parents():
    (draft,) = rewritten(tree="t2").pushed("11:00", MAIN, "c3", "d3").judged(judged)
    assert "none with other files" in draft.statement


def test_undetermined_where_the_history_is_not_whole():
    (draft,) = rewritten(whole=False).pushed("11:00", MAIN, "c3", "d3").judged(judged)
    assert draft.verdict == "undetermined"


def test_silent_on_a_rebase_and_an_amended_commit():
    """The committer's date is that of the rebase."""
    told = Story().committed("c1", tree="t1", title="begin")
    told.committed("c2", "c1", tree="t2", title="train", time="02:00")
    told.committed("d2", "c1", tree="t9", title="train", time="05:00", authored="02:00")
    told.clone("mirror u", "12:00", heads_main="d2").whole_history()
    assert told.pushed("11:00", MAIN, "c2", "d2").judged(judged) == []


def test_silent_on_a_merge_in_a_forges_page():
    """The forge is the committer of what it rebases."""
    told = Story().committed("c1", tree="t1", title="begin")
    told.committed("c2", "c1", tree="t2", title="train", time="02:00")
    told.committed("d2", "c1", tree="t2", title="train", time="02:00", who="noreply@forge")
    told.clone("mirror u", "12:00", heads_main="d2").whole_history()
    assert told.pushed("11:00", MAIN, "c2", "d2").judged(judged) == []


def test_silent_on_a_patch_that_was_mailed_with_its_dates_to_another_branch():
    told = Story().committed("c1", tree="t1", title="begin")
    told.committed("c2", "c1", tree="t2", title="train", time="02:00")
    told.committed("m2", "c1", tree="t4", title="else", time="02:30")
    told.committed("d2", "m2", tree="t5", title="train", time="02:00", authored="02:00")
    told.clone("mirror u", "12:00", heads_main="d2", heads_work="c2").whole_history()
    assert told.pushed("11:00", MAIN, "m2", "d2").judged(judged) == []


def test_silent_on_commits_that_a_script_made_within_a_second():
    told = Story().committed("c1", tree="t1", title="begin")
    for old in ("c2", "d2"):
        told.committed(old, "c1", tree=f"{old}t", title="bump", time="02:00")
        told.committed(f"{old}x", old, tree=f"{old}u", title="bump", time="02:00")
    told.clone("mirror u", "12:00", heads_main="d2x").whole_history()
    assert told.pushed("11:00", MAIN, "c2x", "d2x").judged(judged) == []


def test_silent_on_a_working_repositorys_own_branch():
    told = rewritten().moved("11:00", MAIN, "c3", "d3")
    told.rows[-1]["basis"] = "asserted"
    assert told.judged(judged) == []
