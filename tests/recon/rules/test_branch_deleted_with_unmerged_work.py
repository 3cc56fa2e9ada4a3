"""branch-deleted-with-unmerged-work: a branch is gone, and no ref has what it had."""

from __future__ import annotations

from recon.rules.branch_deleted_with_unmerged_work import (
    branch_deleted_with_unmerged_work as judged,
)
from recon.rules.rewritten_ref import rewritten_ref
from tests.stories import Story, commit

WORK = "refs/heads/work"


def deleted(main: str = "m2", *, whole: bool = True) -> Story:
    """c1 ← m2 is main; c1 ← w1 ← w2 was a branch, which a forge saw deleted."""
    told = (
        Story()
        .committed("c1", tree="t1", title="begin", time="01:00")
        .committed("m2", "c1", tree="t2", title="else", time="02:00")
        .committed("w1", "c1", tree="t3", title="try", time="03:00")
        .committed("w2", "w1", tree="t4", title="try more", time="04:00")
        .clone("mirror u", "12:00", heads_main=main)
        .pushed("11:00", WORK, "w2", None)
    )
    return told.whole_history() if whole else told


def test_observes_work_that_is_nowhere_else():
    (draft,) = deleted().judged(judged)
    assert (draft.verdict, draft.subject) == ("observation", f"github:a/b/{WORK}")
    assert "2 of its commits are on no ref" in draft.statement


def test_fires_where_another_source_names_a_commit_of_it():
    told = deleted().deployed("10:05", "m1", commit=f"git:{commit('w1')}")
    (draft,) = told.judged(judged)
    assert (draft.verdict, draft.subject) == ("conflict", "model:m1@1")
    assert [role for role, _ in draft.events] == ["moved", "commit", "named"]
    assert told.judged(rewritten_ref) == [], "one record is told once"


def test_fires_where_a_mirror_from_after_it_lacks_the_branch_of_a_clone():
    told = deleted()
    told.rows.pop()
    told.clone("working w", "05:00", "11:00", remotes_origin_work="w2")
    (draft,) = told.judged(judged)
    assert [role for role, _ in draft.events] == ["was", "is", "commit"]


def test_undetermined_where_the_history_is_not_whole():
    (draft,) = deleted(whole=False).judged(judged)
    assert draft.verdict == "undetermined"


def test_silent_on_a_branch_that_was_merged():
    told = deleted("m3").committed("m3", "m2", "w2", tree="t5", title="merge", time="05:00")
    assert told.judged(judged) == []


def test_silent_on_a_merge_by_squash():
    told = deleted("s").committed("s", "c1", tree="t4", title="try (#7)", time="05:00", who="forge")
    assert told.judged(judged) == []


def test_silent_on_a_branch_that_was_rebased_or_mailed():
    """The author's date and title stay; committer, date and parents do not."""
    told = deleted("r2").committed(
        "r1", "m2", tree="t6", title="try", time="05:00", authored="03:00", who="forge"
    )
    told.committed(
        "r2", "r1", tree="t7", title="try more", time="05:00", authored="04:00", who="forge"
    )
    assert told.judged(judged) == []


def test_silent_where_a_pull_request_still_has_it():
    told = deleted()
    told.rows = [row for row in told.rows if row["kind"] not in {"snapshot", "git.ref"}]
    told.clone("mirror u", "12:00", heads_main="m2", pull_7="w2")
    assert told.judged(judged) == []


def test_silent_on_a_working_repositorys_own_branch():
    told = deleted()
    told.rows.pop()
    told.clone("working w", "05:00", "11:00", heads_work="w2")
    assert told.judged(judged) == []


def test_silent_where_the_clone_with_the_branch_may_be_the_later_one():
    told = deleted()
    told.rows.pop()
    told.clone("bare b", "05:00", "13:00", heads_work="w2")
    assert told.judged(judged) == []
