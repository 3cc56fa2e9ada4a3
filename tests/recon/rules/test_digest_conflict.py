"""digest-conflict: neither source ever gives the digest that the other gives today."""

from __future__ import annotations

import pytest

from recon.rules.digest_conflict import digest_conflict
from tests.stories import BAD, GOOD, Story

THEN = "2026-02-14 10:00"
NOW = "2026-04-02 09:00"


def test_fires_where_the_database_alone_gives_another_digest():
    story = (
        Story()
        .snapshot("02:00", m1=GOOD)
        .capture(NOW, ("m1", BAD, THEN, "19:12", 800))
        .stored(THEN, "m1", GOOD)
        .deployed(THEN, "m1", artifact=GOOD)
    )
    (draft,) = story.judged(digest_conflict)
    assert draft.verdict == "conflict"
    assert [role for role, _ in draft.events] == [
        "states-lineage-db",
        "states-deploys",
        "states-models",
        "earlier",
    ]
    assert draft.alibi == (
        f"lineage-db itself gave {GOOD} in the snapshot of 8 March 2026, 02:00:00 UTC."
    )
    assert BAD in draft.statement
    assert "deploys and models" in draft.statement


def test_silent_where_all_agree():
    story = (
        Story()
        .capture(NOW, ("m1", GOOD, THEN, THEN, 700))
        .stored(THEN, "m1", GOOD)
        .deployed(THEN, "m1", artifact=GOOD)
    )
    assert story.judged(digest_conflict) == []


def test_silent_on_an_artifact_overwritten_under_its_name():
    """The bucket lists both versions, so the row was right in its time."""
    story = (
        Story()
        .capture(NOW, ("m1", GOOD, THEN, THEN, 700))
        .stored(THEN, "m1", GOOD)
        .stored("2026-03-20 10:00", "m1", BAD)
    )
    assert story.judged(digest_conflict) == []


def test_silent_on_what_an_older_snapshot_said():
    """The dump said BAD, the table says GOOD now, and the bucket always said GOOD."""
    story = (
        Story()
        .snapshot("02:00", m1=BAD)
        .capture(NOW, ("m1", GOOD, THEN, "19:12", 800))
        .stored(THEN, "m1", GOOD)
    )
    assert story.judged(digest_conflict) == []


def test_silent_on_digests_of_different_kinds():
    story = (
        Story()
        .capture(NOW, ("m1", GOOD, THEN, THEN, 700))
        .deployed(THEN, "m1", artifact="md5:" + "c" * 32)
    )
    assert story.judged(digest_conflict) == []


def test_silent_on_two_subjects():
    story = Story().stored(THEN, "m1", GOOD).deployed(THEN, "m2", artifact=BAD)
    assert story.judged(digest_conflict) == []


def test_a_statement_without_a_date_is_compared_as_well():
    story = Story().stored(THEN, "m1", GOOD).deployed(THEN, "m1", artifact=BAD)
    story.rows[0] |= {"earliest": None, "latest": None, "clock": None, "basis": None}
    (draft,) = story.judged(digest_conflict)
    assert draft.verdict == "conflict"


def dated(dump: str, capture: str) -> Story:
    """The bucket has GOOD; a dump says so too, and a capture by another clock says BAD."""
    story = Story().stored("2026-02-14 10:00", "m1", GOOD).snapshot(dump, m1=GOOD)
    story.capture(capture, ("m1", BAD, None, "19:12", 800))
    clocks = iter(("pg:lineage-db/dump", "pg:lineage-db/server"))
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = next(clocks)
    return story.measured("pg:lineage-db/commit", "pg:lineage-db/server", 0)


def test_fires_where_an_offset_hid_which_snapshot_is_the_newest():
    """The dump says 10 March, two days ahead; the capture is of the ninth."""
    story = dated("2026-03-10 10:00", "2026-03-09 10:00")
    assert story.judged(digest_conflict) == []
    story.measured("pg:lineage-db/commit", "pg:lineage-db/dump", 48 * 3600)
    (draft,) = story.judged(digest_conflict)
    assert draft.verdict == "conflict"


def test_silent_where_the_dump_is_the_newest_once_the_clocks_are_compared():
    """The innocent twin: the row was corrected since, and the dump's clock is two days behind."""
    story = dated("2026-03-09 10:00", "2026-03-10 10:00")
    assert len(story.judged(digest_conflict)) == 1
    story.measured("pg:lineage-db/commit", "pg:lineage-db/dump", -48 * 3600)
    assert story.judged(digest_conflict) == []


def test_silent_where_the_offset_is_too_wide_to_tell():
    story = dated("2026-03-09 10:00", "2026-03-10 10:00")
    story.measured("pg:lineage-db/commit", "pg:lineage-db/dump", 0, wide=96 * 3600)
    assert story.judged(digest_conflict) == []


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        ("file:model.bin", "undetermined"),
        ("file:models/model.bin", "undetermined"),
        ("file:/srv/model.bin", "conflict"),
        ("file:s3://acme/model.bin", "conflict"),
        ("file:pkg:pypi/x@1", "conflict"),
        ("model:m1@1", "conflict"),
    ],
)
def test_a_path_that_says_not_of_which_tree_is_undetermined(subject: str, verdict: str):
    story = Story()
    for source, digest in (("one", GOOD), ("two", BAD)):
        story.event(
            source, "claim", subject, "10:00", attribute="artifact", value=digest, digest=digest,
            clock=source, basis="asserted",
        )  # fmt: skip
    (draft,) = story.judged(digest_conflict)
    assert draft.verdict == verdict


MADE, LATER = "2026-02-14 10:00", "2026-02-14 11:00"
TABLE, FILE = "pg:{}/public.model_versions.creation_time", "lineage:{}/model_versions.creation_time"


def registered(
    story: Story, source: str, digest: str, made: str, run: str | None, clock: str
) -> Story:
    """As MLflow's tables and its API say it, by whichever collector."""
    more = {"clock": clock.format(source), "basis": "asserted"}
    about = (source, "claim", "model:m1@1", made)
    story.event(*about, attribute="run", value=run, **more)
    return story.event(*about, attribute="artifact", value=digest, digest=digest, **more)


@pytest.mark.parametrize(
    ("made", "run", "verdict"),
    [(MADE, "r1", "conflict"), (LATER, "r1", "conflict"), (MADE, None, "conflict"),
     (LATER, "r2", "undetermined"), (LATER, None, "undetermined")],
)  # fmt: skip
def test_a_registry_seen_twice_conflicts_and_of_two_it_is_left_open(
    made: str, run: str | None, verdict: str
):
    story = registered(Story(), "a", GOOD, MADE, "r1", TABLE)
    (draft,) = registered(story, "b", BAD, made, run, FILE).judged(digest_conflict)
    assert draft.verdict == verdict
    assert ("they may be two" in draft.alibi) == (verdict == "undetermined")


def test_who_gives_the_digest_of_one_of_two_registries_contradicts_neither():
    story = registered(Story(), "a", GOOD, MADE, "r1", FILE)
    registered(story, "b", BAD, LATER, "r2", FILE)
    (draft,) = story.deployed(LATER, "m1", artifact=GOOD).judged(digest_conflict)
    assert draft.verdict == "undetermined"


def test_two_that_are_no_registries_conflict_whatever_registries_say():
    story = registered(Story(), "a", GOOD, MADE, "r1", FILE)
    registered(story, "b", BAD, LATER, "r2", FILE)
    other = "sha256:" + "c" * 64
    story.deployed(LATER, "m1", artifact=GOOD).stored(LATER, "m1", other)
    (draft,) = story.judged(digest_conflict)
    assert draft.verdict == "conflict"
    roles = {role for role, _ in draft.events}
    assert {"states-deploys", "states-models"} <= roles
