"""unverified-signature: a signature that is not of these bytes, or whose key is not given."""

from __future__ import annotations

from recon.rules.unverified_signature import unverified_signature
from tests.stories import Story


def signed(*values: str) -> Story:
    story = Story()
    for number, value in enumerate(values):
        story.event("code", "git.signature", f"git:code/commit/{number}", value=value)
    return story


def test_fires_on_a_signature_that_is_not_of_these_bytes():
    (draft,) = signed("status=bad format=openpgp key=ab").judged(unverified_signature)
    assert (draft.verdict, draft.subject) == ("conflict", "git:code/commit/0")


def test_undetermined_once_for_all_keys_that_are_not_given():
    story = signed(*["status=unknown format=openpgp key=ab"] * 3, "status=unknown format=ssh key=c")
    (draft,) = story.judged(unverified_signature)
    assert draft.verdict == "undetermined"
    assert "so it is with 3 more objects, of 2 keys in all" in draft.statement


def test_undetermined_where_the_key_had_expired():
    value = "status=doubtful format=openpgp key=ab because=its key had expired when it was made"
    (draft,) = signed(value).judged(unverified_signature)
    assert draft.verdict == "undetermined"
    assert "had expired when it was made" in draft.statement


def test_silent_on_one_that_was_verified():
    assert signed("status=good format=ssh key=SHA256:x").judged(unverified_signature) == []
