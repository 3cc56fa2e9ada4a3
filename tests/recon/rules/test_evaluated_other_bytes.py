"""evaluated-other-bytes: the norm that what is deployed is what was evaluated."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.evaluated_other_bytes import evaluated_other_bytes
from tests.stories import BAD, GOOD, Story

NORM = Norm(rule="evaluated-other-bytes")


def evaluated(digest: str, dumped: str = "12:00") -> Story:
    """m1 is deployed at nine with GOOD; a table of evaluations names a digest."""
    story = Story().deployed("09:00", "m1", artifact=GOOD).snapshot(dumped, "08:00", m1=digest)
    story.rows[-1]["attribute"] = "evaluated"
    return story


def test_fires_where_a_whole_table_names_other_bytes_alone():
    (draft,) = evaluated(BAD).judged(evaluated_other_bytes, NORM)
    assert draft.verdict == "breach"
    assert draft.subject == "model:m1@1"


def test_silent_on_the_bytes_that_were_deployed_and_without_the_norm():
    assert evaluated(GOOD).judged(evaluated_other_bytes, NORM) == []
    assert evaluated(BAD).judged(evaluated_other_bytes) == []


def test_silent_where_one_evaluation_of_several_is_of_it():
    """The innocent twin: a candidate was evaluated and trained again."""
    story = evaluated(BAD)
    story.event("bench", "claim", "model:m1@1", "10:00", attribute="evaluated", digest=GOOD)
    assert story.judged(evaluated_other_bytes, NORM) == []


def test_undetermined_where_the_table_is_older_than_the_deploy_or_not_whole():
    (draft,) = evaluated(BAD, dumped="08:30").judged(evaluated_other_bytes, NORM)
    assert draft.verdict == "undetermined"
    story = evaluated(BAD)
    story.covered.clear()
    assert story.judged(evaluated_other_bytes, NORM)[0].verdict == "undetermined"


def test_silent_where_digests_are_of_another_kind_or_not_given():
    assert evaluated("md5:" + "a" * 32).judged(evaluated_other_bytes, NORM) == []
    story = Story().deployed("09:00", "m1", artifact=GOOD)
    assert story.judged(evaluated_other_bytes, NORM) == []
