"""tag-moved: two records put one tag at different commits of one repository."""

from __future__ import annotations

from recon.rules.tag_moved import tag_moved
from tests.stories import Story, commit

TAG = "refs/tags/v1"


def story() -> Story:
    """c1 ← c2 ← c3, and c1 ← x; v1 is at c2 now, and is the release of m1."""
    told = Story().committed("c1").committed("c2", "c1").committed("c3", "c2").committed("x", "c1")
    return told.whole_history()


def released() -> Story:
    return story().clone("mirror u", "12:00", tags_v1="c2").tagged(TAG, "c2", "m1")


def test_fires_where_the_reflog_of_the_server_moved_the_tag_of_a_release():
    (draft,) = released().moved("11:00", TAG, "x", "c2").judged(tag_moved)
    assert (draft.verdict, draft.subject) == ("conflict", "model:m1@1")
    assert [role for role, _ in draft.events] == ["moved"]
    assert f"was moved from {commit('x')} to {commit('c2')}" in draft.statement


def test_fires_where_a_forge_records_that_it_was_deleted_and_pushed_anew():
    told = released().pushed("09:00", TAG, None, "x").pushed("10:00", TAG, "x", None)
    (draft,) = told.pushed("10:01", TAG, None, "c2").judged(tag_moved)
    assert draft.verdict == "conflict"
    assert "deleted and set anew" in draft.statement


def test_fires_where_an_older_clone_has_the_tag_elsewhere():
    told = released().clone("bare b", "08:00", "13:00", tags_v1="x")
    (draft,) = told.judged(tag_moved)
    assert (draft.verdict, [role for role, _ in draft.events]) == ("conflict", ["was", "is"])


def test_undetermined_where_a_working_repository_alone_has_the_tag_elsewhere():
    """Whoever works there may have set a tag of that name, and may have fetched the first one."""
    told = released().clone("working w", "08:00", "13:00", tags_v1="x")
    (draft,) = told.judged(tag_moved)
    assert (draft.verdict, [role for role, _ in draft.events]) == ("undetermined", ["was", "is"])
    assert draft.innocent[1].ruled_out is None, "it may be the clone's own"
    (draft,) = told.deployed("10:05", "m1", commit=f"git:{commit('x')}").judged(tag_moved)
    assert draft.verdict == "conflict", "another source names what it was at"


def test_undetermined_where_a_working_repository_is_all_that_is_at_hand():
    """The forge's last push and the deploy agree; only the owner's own tag does not."""
    told = story().clone("working w", "12:00", tags_v1="c2").tagged(TAG, "c2", "m1")
    told.pushed("09:00", TAG, None, "x").deployed("10:05", "m1", commit=f"git:{commit('x')}")
    assert [draft.verdict for draft in told.judged(tag_moved)] == ["undetermined"]


def test_fires_where_the_last_push_on_record_is_of_another_commit():
    (draft,) = released().pushed("09:00", TAG, None, "x").judged(tag_moved)
    assert draft.verdict == "conflict"
    assert "the last push that forge records" in draft.statement


def test_fires_where_another_source_names_the_commit_that_it_was_at():
    told = story().clone("mirror u", "12:00", tags_v1="c2").moved("11:00", TAG, "x", "c2")
    (draft,) = told.deployed("10:05", "m1", commit=f"git:{commit('x')}").judged(tag_moved)
    assert (draft.verdict, draft.events[-1][0]) == ("conflict", "named")


def test_observes_a_tag_that_moves_with_every_release():
    told = story().clone("mirror u", "12:00", tags_latest="c3")
    told.moved("10:00", "refs/tags/latest", "c1", "c2").moved(
        "11:00", "refs/tags/latest", "c2", "c3"
    )
    assert [draft.verdict for draft in told.judged(tag_moved)] == ["observation"] * 2


def test_many_tags_that_moved_to_one_commit_are_one_finding():
    told = story()
    for number in range(5):
        told.pushed("11:00", f"refs/tags/v{number}", "c1" if number % 2 else "c2", "x")
    (draft,) = told.judged(tag_moved)
    assert "so were 4 more tags, to the same commit" in draft.statement


def test_undetermined_where_an_object_is_not_at_hand():
    (draft,) = released().moved("11:00", TAG, "lost", "c2").judged(tag_moved)
    assert draft.verdict == "undetermined"


def test_silent_on_an_annotated_tag_at_the_same_commit():
    told = released().event(
        *("code", "git.tag", "git:code/tag/t"),
        digest=f"git:{commit('t')}",
        names=[f"git:{commit('c2')}"],
    )
    assert told.moved("11:00", TAG, "c2", "t").judged(tag_moved) == []


def test_silent_on_a_late_tag_and_on_clones_that_agree():
    told = released().clone("bare b", "08:00", "13:00", tags_v1="c2")
    assert told.moved("11:00", TAG, "none", "c2").judged(tag_moved)[0].verdict == "undetermined"
    told.rows.pop()
    assert told.pushed("11:00", TAG, None, "c2").judged(tag_moved) == []


def test_silent_on_a_tag_of_a_fork():
    """Two repositories of the forge share the commits: neither is known to be the one at hand."""
    told = released().pushed("09:00", TAG, None, "x", "github:someone/fork")
    assert told.pushed("09:00", "refs/heads/main", None, "c2").judged(tag_moved) == []


def test_silent_on_a_working_repositorys_own_move():
    told = released().moved("11:00", TAG, "x", "c2")
    told.rows[-1]["basis"] = "asserted"
    assert told.judged(tag_moved) == []
