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
