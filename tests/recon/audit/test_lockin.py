"""When records left the control of their writer, by each means, and by none."""

from __future__ import annotations

from recon.audit.lockin import LockIn, lock_in
from recon.collector import Item, Sha256
from recon.config import Domain
from recon.witnesses import witnesses
from tests.recon.witnesses.told import DOMAINS, config, events
from tests.stories import GOOD, Story, at

NOON = "2026-03-10 12:00"
SOURCES = {"db": "platform", "bucket": "storage", "log": "platform"}
VERSION = "s3:bucket/m.bin?versionId=v1"


def judged(
    story: Story, today: str = NOON, items: list[Item] | None = None, **domains: Domain
) -> dict[str, LockIn]:
    told = config(SOURCES, {**DOMAINS, **domains})
    timeline = story.timeline()
    seen = witnesses(told, events(story))
    found = lock_in(told, timeline.events, items or [], seen, timeline.clocks, at(today))
    return {one.source: one for one in found}


def claim(story: Story, source: str, time: str, digest: str = GOOD, **more: str) -> Story:
    return story.event(
        source, "claim", "model:m@1", time, attribute="artifact", digest=digest,
        clock=f"log:{source}", basis="asserted", **more,
    )  # fmt: skip


def test_a_digest_that_another_account_names_later():
    story = claim(claim(Story(), "db", "10:00"), "bucket", "10:05")
    one = judged(story)["db"]
    assert (one.out, one.most, one.alterable) == ({"digest": 1}, 300.0, 0)


def test_a_digest_that_another_account_named_before_is_out_at_once():
    story = claim(claim(Story(), "bucket", "09:00"), "db", "10:00")
    assert judged(story)["db"].most == 0.0


def test_a_digest_that_only_the_same_domain_names_is_not_out():
    one = judged(claim(claim(Story(), "db", "10:00"), "log", "10:05"))["db"]
    assert (one.out, one.alterable, one.most) == ({}, 1, None)


def test_an_account_that_the_same_principal_writes_takes_nothing_out():
    both = ("arn:aws:iam::1:user/dba",)
    story = claim(claim(Story(), "db", "10:00"), "bucket", "10:05")
    one = judged(
        story,
        platform=Domain(organisation="acme", account="1", writers=both),
        storage=Domain(organisation="acme", account="2", writers=both),
    )["db"]
    assert one.out == {}


def put(story: Story, time: str = "10:00") -> Story:
    return story.event(
        "bucket", "object.put", "s3:bucket/m.bin", time, basis="stamped", clock="s3:bucket",
        names=[VERSION], value="v1",
    )  # fmt: skip


def lock(story: Story, value: str, read: str, kind: str = "object.retention") -> Story:
    return story.event(
        "bucket", kind, "s3:bucket/m.bin", read, value=value, names=[VERSION], clock="examiner"
    )


def test_compliance_mode_took_it_out_by_the_time_it_was_read():
    story = lock(put(Story()), "COMPLIANCE until 2033-03-08T00:00:00Z", "11:00")
    one = judged(story)["bucket"]
    assert (one.out, one.least, one.most) == ({"object-lock": 1}, 0.0, 3600.0)
    assert one.locks == {"compliance": 1}


def test_a_lock_that_has_ended_and_governance_mode_hold_nothing():
    ended = lock(put(Story()), "COMPLIANCE until 2026-03-09T00:00:00Z", "11:00")
    assert judged(ended)["bucket"].alterable == 1
    assert judged(ended, "2026-03-08 12:00")["bucket"].alterable == 0
    bypassed = judged(lock(put(Story()), "GOVERNANCE until 2033-03-08T00:00:00Z", "11:00"))
    assert bypassed["bucket"].alterable == 1
    assert bypassed["bucket"].locks == {"governance": 1}


def test_a_lock_that_nobody_asked_about_is_unknown_and_one_asked_about_is_none():
    assert judged(put(Story()))["bucket"].locks == {"unknown": 1}
    assert judged(lock(put(Story()), "", "11:00"))["bucket"].locks == {"none": 1}


def test_a_legal_hold():
    one = judged(lock(put(Story()), "ON", "11:00", "object.legal-hold"))["bucket"]
    assert (one.out, one.locks) == ({"object-lock": 1}, {"hold": 1})


def token(story: Story, item: str, time: str, basis: str = "stamped") -> Story:
    return story.event(
        "log", "timestamp.token", f"bytes:sha256:{item}", time, basis=basis, clock="UTC",
        names=[f"sha256:{item}"],
    )  # fmt: skip


def test_a_token_over_the_item():
    story = token(claim(Story(), "db", "10:00", item="c" * 64), "c" * 64, "12:00")
    one = judged(story)["db"]
    assert (one.out, one.most) == ({"token": 1}, 7200.0)


def test_a_token_that_does_not_verify_or_comes_after_the_audit_shows_nothing():
    story = token(claim(Story(), "db", "10:00", item="c" * 64), "c" * 64, "12:00", "asserted")
    assert judged(story)["db"].out == {}
    late = token(claim(Story(), "db", "10:00", item="c" * 64), "c" * 64, "2026-03-11 12:00")
    assert judged(late)["db"].out == {}


def item(source: str, sha256: str, acquired: str) -> Item:
    return Item(Sha256(sha256), source, "log", "x", 1, acquired, 1)


def test_a_case_that_another_organisation_keeps_takes_out_what_it_fetched():
    story = claim(Story(), "db", "10:00", item="c" * 64)
    held = [item("db", "c" * 64, "2026-03-08T13:00:00.000000Z")]
    assert judged(story, items=held)["db"].out == {}  # who keeps the case is not declared
    outside = Domain(organisation="the examiner")
    one = judged(story, items=held, examiner=outside)["db"]
    assert (one.out, one.most) == ({"case": 1}, 10_800.0)
    inside = Domain(organisation="acme", account="1")
    assert judged(story, items=held, examiner=inside)["db"].out == {}


def test_log_that_another_account_archives_is_out_when_that_copy_was_fetched():
    story = Story()
    for source, held in (("db", "c"), ("bucket", "d")):
        story.event(
            source, "wal.commit", "pg:db", "10:00", stream="pg:1/1", position=16, item=held * 64
        )
    one = judged(story, items=[item("bucket", "d" * 64, "2026-03-08T11:00:00.000000Z")])["db"]
    assert (one.out, one.least, one.most) == ({"copy": 1}, 0.0, 3600.0)
    assert judged(story)["db"].out == {}


def test_the_means_that_did_so_first_counts():
    story = lock(put(Story()), "COMPLIANCE until 2033-03-08T00:00:00Z", "2026-03-09 10:00")
    story.rows[0] |= {"digest": GOOD}
    one = judged(claim(story, "db", "10:30"))["bucket"]
    assert (one.out, one.most) == ({"digest": 1}, 1800.0)


def test_readings_and_records_of_later_days_are_no_records_of_acts():
    story = lock(put(Story(), "2026-03-11 10:00"), "ON", "11:00", "object.legal-hold")
    assert judged(story)["bucket"].records == 0


def test_one_line_a_source_in_the_order_of_the_case():
    assert list(judged(claim(Story(), "log", "10:00"))) == list(SOURCES)


HELD = [item("bucket", "d" * 64, "2026-03-09T10:00:00.000000Z")]


def test_a_mirror_has_a_commit_from_when_it_was_fetched_not_from_the_tagger_s_word():
    """What a clone holds keeps its authors' dates."""
    story = claim(Story(), "db", "10:00")
    claim(story, "bucket", "10:00", item="d" * 64)
    story.rows[-1] |= {"clock": "git:tagger:ci@acme.example"}
    assert judged(story)["db"].out == {}
    one = judged(story, items=HELD)["db"]
    assert (one.out, one.least, one.most) == ({"copy": 1}, 0.0, 86_400.0)


def test_a_copy_of_one_cluster_has_its_rows_from_when_it_was_fetched():
    story = Story()
    for source, held in (("db", "c"), ("bucket", "d")):
        story.event(
            source, "row.insert", "model:m@1", "10:00", digest=GOOD, clock=f"pg:{source}/commit",
            basis="stamped", stream="pg:1/1", position=16, item=held * 64,
        )  # fmt: skip
    assert judged(story)["db"].out == {}
    assert judged(story, items=HELD)["db"].out == {"copy": 1}


def test_a_replica_keeps_the_date_of_its_origin_and_counts_from_when_it_was_fetched():
    story = claim(Story(), "db", "10:00")
    story.event(
        "bucket", "object.put", "s3:bucket/m.bin", "10:00", basis="stamped", clock="s3:bucket",
        digest=GOOD, names=[VERSION], item="d" * 64,
    )  # fmt: skip
    assert judged(story)["db"].out == {"digest": 1}
    story.event(
        "bucket", "object.replication", "s3:bucket/m.bin", "11:00", value="REPLICA", names=[VERSION]
    )
    assert judged(story)["db"].out == {}
    assert judged(story, items=HELD)["db"].out == {"copy": 1}
