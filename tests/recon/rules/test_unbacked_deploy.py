"""unbacked-deploy: no repository of the case has the commit that the deploy names."""

from __future__ import annotations

import pytest

from recon.rules.unbacked_deploy import unbacked_deploy
from tests.stories import Story, commit


def repository() -> Story:
    return Story().committed("c1").committed("c2", "c1").ref("refs/heads/main", "c2")


def test_fires_on_a_commit_that_is_not_there():
    story = repository().whole_history().deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "missing"
    assert commit("c9") in draft.statement


def test_undetermined_in_a_shallow_clone():
    story = repository().deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "undetermined"


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_silent_on_a_commit_that_is_there(digits: int):
    story = repository().whole_history().deployed("10:05", "m1", commit=commit("c1")[:digits])
    assert story.judged(unbacked_deploy) == []


def test_fires_on_a_short_id_that_no_commit_begins_with():
    story = repository().whole_history().deployed("10:05", "m1", commit=commit("c9")[:12])
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "missing"


def test_silent_on_what_is_no_commit():
    story = repository().whole_history().deployed("10:05", "m1", commit="v1.2")
    assert story.judged(unbacked_deploy) == []


def test_undetermined_where_the_copy_is_older_than_the_deploy():
    story = repository().cover("code", "git.commit", "git:code/*", "09:00", "09:00")
    story.deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "undetermined"


def copied(time: str) -> Story:
    """A copy of the repository that the examiner made at a time."""
    story = repository()
    item = story.item()
    story.event("code", "snapshot", "git:code", time, item=item, citation="", clock="examiner")
    return story.cover("code", "git.commit", "git:code/*", time, time, item)


def test_fires_where_the_logs_clock_hid_that_the_copy_is_younger():
    """The log says 10:05, five hours ahead; the copy is of 09:00."""
    story = copied("09:00").deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    assert story.judged(unbacked_deploy)[0].verdict == "undetermined"
    story.measured("log:deploys", "examiner", -5 * 3600)
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "missing"
    assert "Records of the case hold examiner 5 h 00 m behind log:deploys" in draft.alibi


def test_undetermined_where_the_copy_is_older_once_the_clocks_are_compared():
    """The innocent twin: the log is three hours behind; the copy was made before the push."""
    story = copied("11:00").deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    (draft,) = story.judged(unbacked_deploy)
    assert draft.verdict == "missing"
    assert "as if the two agreed" in draft.alibi
    story.measured("log:deploys", "examiner", 3 * 3600)
    assert story.judged(unbacked_deploy)[0].verdict == "undetermined"


def test_undetermined_where_the_offset_is_too_wide():
    story = copied("11:00").deployed("10:05", "m1", commit=f"git:{commit('c9')}")
    story.measured("log:deploys", "examiner", 0, wide=4 * 3600)
    assert story.judged(unbacked_deploy)[0].verdict == "undetermined"
