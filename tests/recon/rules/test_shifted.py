"""A clock that is off by a constant, and measured, changes no finding but the times it shows."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recon.config import Norm
from recon.rules import RULES
from tests.recon.rules.test_lost_in_restore import Restored
from tests.stories import BAD, GOOD, Story, commit

COMMIT = "pg:lineage-db/commit"
OTHERS = (
    "pg:lineage-db/ml.lineage.registered_at",
    "pg:lineage-db/dump",
    "pg:lineage-db/server",
    "log:deploys",
    "examiner",
    "export",
    "s3:models",
    "s3:cards",
)
NORM = Norm(rule="manifest-after-artifact")
FEBRUARY = "2026-02-14 10:00"
Found = set[tuple[str, str, str, tuple[tuple[str, int], ...]]]


def told() -> Restored:
    """One incident of each kind, and its innocent twins."""
    story = Restored().fork(1, "before 2026-03-01 00:00").left("10:20", 800, "insert=1")
    story.went_on("2026-02-20 11:00").in_use(2)
    story.on(2, lsn=0x1100).wrote("2026-03-04 10:00", 690, insert=1)
    story.snapshot("02:00", m1=GOOD, m2=GOOD, m3=GOOD)
    story.rows[-7]["clock"] = "pg:lineage-db/dump"
    story.recreated("19:12", 810).wrote("19:12", 810, insert=2).commit("19:30", 811)
    rows = [("m1", BAD, FEBRUARY, "19:12", 810), ("m3", GOOD, FEBRUARY, "19:12", 810)]
    rows.append(("m4", GOOD, FEBRUARY, "2026-02-13 09:00", 600))
    story.capture("2026-04-02 09:00", *rows).logged("2026-03-01 00:00", "2026-04-03 00:00")
    story.rows[-7]["clock"] = "pg:lineage-db/server"
    story.stored(FEBRUARY, "m1", GOOD).stored("2026-02-14 13:00", "m1", BAD, "manifest")
    story.rows[-1]["clock"] = "s3:cards"
    story.stored(FEBRUARY, "m3", GOOD).stored("2026-02-14 09:00", "m3", BAD, "manifest")
    story.rows[-1]["clock"] = "s3:cards"
    for number, clock in enumerate(("export", "examiner")):
        versions = [("old", "v1", FEBRUARY), ("new", "v2", "10:00")][number:]
        story.listing(f"2026-03-{20 + number} 10:00", *versions)
        for row in story.rows:
            if row["kind"] == "snapshot" and row["source"] == "models":
                row["clock"] = row.get("clock") or clock
    story.committed("c1").committed("c2", "c1").ref("main", "c2")
    item = story.item()
    story.event("code", "snapshot", "git:code", "12:00", item=item, clock="examiner")
    story.cover("code", "git.commit", "git:code/*", "12:00", "12:00", item)
    story.deployed("2026-02-14 12:00", "m1", commit=f"git:{commit('c9')}")
    story.deployed("2026-02-14 12:00", "m4", commit=f"git:{commit('c2')}")
    story.deployed("11:00", "m3", commit=f"git:{commit('c2')}")
    story.deployed("13:00", "m2", commit=f"git:{commit('c8')}")
    for clock in OTHERS:
        story.measured(COMMIT, clock, 0, every=36)
    return story


def found(story: Story) -> Found:
    timeline = story.timeline(NORM)
    return {
        (rule.name, draft.verdict, draft.subject, tuple(draft.events))
        for rule in RULES
        # What is told of a clock that is off changes as it is moved.
        if not rule.name.startswith("clock-")
        for draft in rule.check(timeline)
    }


def shifted(story: Story, clock: str, seconds: float) -> Story:
    """With all that a clock read moved, what it says of coverage too."""
    snapshots = [row for row in story.rows if row["kind"] == "snapshot"]
    items = {row["item"] for row in snapshots if row.get("clock") == clock}
    for one in story.covered:
        if one["item"] in items:
            for end in ("earliest", "latest"):
                one[end] = one[end] + timedelta(seconds=seconds)
    return story.ahead(clock, seconds)


EXPECTED = found(told())


def test_the_story_has_findings_of_most_rules():
    assert {
        "re-registered",
        "vanished-row",
        "lost-in-restore",
        "digest-conflict",
        "unbacked-deploy",
        "vanished-version",
        "manifest-after-artifact",
        "restore-postdates-release",
    } == {name for name, *_ in EXPECTED}
    assert {"conflict", "missing", "breach"} <= {verdict for _, verdict, *_ in EXPECTED}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(OTHERS), st.integers(-20 * 86_400, 20 * 86_400))
@example("log:deploys", 5 * 3600)
@example("pg:lineage-db/dump", -8 * 3600)
@example("pg:lineage-db/ml.lineage.registered_at", 24 * 86_400)
# So far that a listing reads before what it lists; a third clock measures both.
@example("examiner", -1_391_534)
@example("export", -1_553_499)
def test_a_constant_offset_that_is_measured_changes_no_finding(clock: str, seconds: int):
    assert found(shifted(told(), clock, seconds)) == EXPECTED


def test_a_listing_that_alone_reads_before_what_it_lists_is_told_of_a_clock_that_is_measured():
    story = told()
    for row in story.rows:
        if (row["kind"], row["source"], row.get("clock")) == ("snapshot", "models", "examiner"):
            for end in ("earliest", "latest"):
                row[end] -= timedelta(days=16)
    more = {(name, subject) for name, _, subject, _ in found(story) - EXPECTED}
    assert ("impossible-order", "s3:bucket") in more
