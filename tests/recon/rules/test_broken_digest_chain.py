"""broken-digest-chain: a file of a trail is not what a digest says, or is not there."""

from __future__ import annotations

from recon.rules.broken_digest_chain import broken_digest_chain
from tests.stories import Story

STEM = "trail:acme-trail/1_CloudTrail-Digest_us-east-1_acme_us-east-1_20260308T"
CLOCK = {"clock": "aws:cloudtrail-digest", "basis": "stamped"}


def chain() -> Story:
    """Digests of two hours, each a file of its own, and a record of the trail."""
    story = Story().event("trail", "trail.PutObject", "s3:b/k", "10:30")
    story.rows[-1]["clock"] = "aws:us-east-1/cloudtrail"
    for hour in (10, 11):
        story.event(
            "trail", "trail.digest", f"{STEM}{hour}0000Z", f"{hour}:00", item=f"d{hour}", **CLOCK
        )
    return story


def told(story: Story, kind: str, subject: str, by: int, value: str = "why") -> Story:
    item = f"d{by}"
    return story.event("trail", kind, subject, f"{by}:00", value=value, item=item, **CLOCK)


def test_fires_on_a_file_with_another_hash():
    story = told(chain(), "trail.altered", "trail:acme-trail/log", 11)
    (draft,) = story.judged(broken_digest_chain)
    assert draft.verdict == "conflict"
    assert draft.events == [("altered", 3), ("digest", 2)]
    (draft,) = told(story, "trail.valid", f"{STEM}110000Z", 11).judged(broken_digest_chain)
    assert draft.verdict == "contradiction"


def test_fires_once_on_all_that_one_digest_lacks():
    story = told(chain(), "trail.missing", "trail:acme-trail/log1", 11)
    (draft,) = told(story, "trail.missing", "trail:acme-trail/log2", 11).judged(broken_digest_chain)
    assert draft.verdict == "missing"
    assert "and 1 more" in draft.statement


def test_silent_on_the_digest_before_the_first_one_at_hand():
    """The innocent twin: what was handed over begins there."""
    before, between = f"{STEM}090000Z", f"{STEM}103000Z"
    assert told(chain(), "trail.missing", before, 10).judged(broken_digest_chain) == []
    (draft,) = told(chain(), "trail.missing", between, 11).judged(broken_digest_chain)
    assert draft.verdict == "missing"


def test_undetermined_where_no_log_file_was_handed_over():
    story = told(chain(), "trail.missing", "trail:acme-trail/log", 11)
    story.rows.pop(0)
    (draft,) = story.judged(broken_digest_chain)
    assert draft.verdict == "undetermined"


def test_silent_on_a_chain_that_holds():
    story = told(chain(), "trail.valid", f"{STEM}110000Z", 11)
    assert story.judged(broken_digest_chain) == []
