"""Who speaks of which fact, who could disagree, and what one more source would buy."""

from __future__ import annotations

import json
from itertools import permutations

import polars as pl
import pytest

from recon.config import Domain
from recon.reconcile import reconcile
from recon.rules.digest_conflict import digest_conflict
from recon.show_witnesses import table
from recon.witnesses import witnesses
from recon.witnesses.principals import principals
from tests.recon.witnesses.told import DOMAINS, config, events, said
from tests.stories import BAD, GOOD, Story

SOURCES = {"db": "platform", "log": "platform", "bucket": "storage", "audit": "auditor"}


@pytest.fixture
def story() -> Story:
    """Of m1 all speak, of m2 two of one domain, of m3 the database alone."""
    told = said(Story(), "db", "artifact", "m1", "m2", "m3")
    said(told, "log", "artifact", "m1", "m2")
    said(told, "bucket", "artifact", "m1", "m4")
    said(told, "audit", "artifact", "m4")
    return said(told, "db", "auc", "m1", "m2")


def test_facts_by_their_best_witness(story: Story):
    found = witnesses(config(SOURCES), events(story))
    assert found.by_attribute == {
        "artifact": {"none": 1, "self": 1, "account": 1, "organisation": 1},
        "auc": {"none": 2, "self": 0, "account": 0, "organisation": 0},
    }
    assert found.facts() == 6
    assert [(one.attribute, one.sources, one.facts) for one in found.alone] == [
        ("auc", ("db",), 2),
        ("artifact", ("db",), 1),
        ("artifact", ("db", "log"), 1),
    ]


def test_the_matrix_says_who_could_disagree_about_what(story: Story):
    found = witnesses(config(SOURCES), events(story))
    assert found.shared("bucket", "db") == {"artifact": 1}
    assert found.shared("db", "log") == {"artifact": 2}
    assert found.shared("audit", "db") == {}
    assert found.pairs["audit", "bucket"].witness == "organisation"
    assert found.pairs["bucket", "db"].witness == "account"


def test_what_one_more_source_buys_most(story: Story):
    """A copy of the database gives four facts a witness; the log's would give none that it does
    not."""
    found = witnesses(config(SOURCES), events(story))
    assert [(one.source, one.gains, one.after) for one in found.copies[:2]] == [
        ("db", 4, 4),
        ("bucket", 0, 0),
    ]
    log = next(one for one in found.copies if one.source == "log")
    assert (log.gains, log.after) == (1, 0)


def test_the_order_of_sources_and_records_changes_nothing(story: Story):
    every = {
        json.dumps(
            witnesses(config(dict(order)), events(story).sort("row", descending=reverse)).to_json()[
                "spoken"
            ]
        )
        for order in list(permutations(SOURCES.items()))[:6]
        for reverse in (False, True)
    }
    assert len(every) == 1


def test_more_sources_than_one_mask_has_bits():
    names = {f"s{number:03}": "platform" for number in range(140)}
    names["s007"] = "storage"
    told = Story()
    for name in names:
        said(told, name, "artifact", "m1")
    said(told, "s139", "artifact", "m2")
    said(told, "s007", "artifact", "m2")
    found = witnesses(config(names), events(told))
    assert {(len(one.sources), found.witness(one.sources)) for one in found.spoken} == {
        (140, "account"),
        (2, "account"),
    }


def test_subjects_can_be_chosen(story: Story):
    found = witnesses(config(SOURCES), events(story), ["model:m3@*"])
    assert found.facts() == 1


def trail(story: Story, source: str, actor: str, kind: str, bucket: str, **more: str) -> Story:
    return story.event(source, kind, f"s3:{bucket}/m.bin", "10:00", actor=actor, **more)


DBA = "arn:aws:iam::1:user/dba"


def two_buckets() -> Story:
    """Two buckets of two accounts that say the same, and a trail that a third one keeps."""
    told = said(said(Story(), "first", "artifact", "m1"), "second", "artifact", "m1")
    for source in ("first", "second"):
        told.event(source, "object.put", f"s3:{source}/m.bin", "09:00", basis="stamped")
    return told


BUCKETS = {"first": "platform", "second": "storage", "trail": "auditor"}


def test_a_principal_whom_cloudtrail_saw_write_both_makes_them_one_witness():
    told = two_buckets()
    for bucket in ("first", "second"):
        trail(told, "trail", DBA, "trail.PutObject", bucket, basis="stamped")
    found = witnesses(config(BUCKETS), events(told))
    assert found.pairs["first", "second"].shared == (DBA,)
    assert found.facts("self") == 1
    # The actor of a record wrote the system that it is about, not the trail.
    assert found.principals["trail"].known == {}


@pytest.mark.parametrize(
    ("kind", "basis", "actor"),
    [
        ("trail.GetObject", "stamped", DBA),
        ("trail.failed", "stamped", DBA),
        ("trail.PutObject", "asserted", DBA),
        ("trail.PutObject", "stamped", "postgres"),
    ],
)
def test_who_reads_fails_is_only_said_or_has_a_common_name_does_not(
    kind: str, basis: str, actor: str
):
    told = two_buckets()
    for bucket in ("first", "second"):
        trail(told, "trail", actor, kind, bucket, basis=basis)
    found = witnesses(config(BUCKETS), events(told))
    assert found.pairs["first", "second"].witness == "account"


def test_an_author_of_commits_in_two_clones_writes_neither():
    told = Story()
    for source in ("code", "mirror"):
        said(told, source, "commit", "m1")
        told.event(
            source,
            "git.commit",
            f"git:{source}/commit/1",
            "10:00",
            actor="a <a@x>",
            basis="asserted",
        )
    found = witnesses(config({"code": "platform", "mirror": "auditor"}), events(told))
    assert found.pairs["code", "mirror"].perhaps == ()
    assert found.facts("organisation") == 1


def test_a_bucket_whose_history_another_account_tells_is_not_self_recorded():
    told = trail(two_buckets(), "trail", DBA, "trail.PutObject", "first", basis="stamped")
    found = {one.name: one.witness for one in witnesses(config(BUCKETS), events(told)).systems}
    assert found == {"s3:first": "organisation", "s3:second": "none"}


def test_records_by_their_own_actor_are_counted():
    domains = {
        **DOMAINS,
        "platform": Domain(organisation="acme", account="1", writers=("ci@acme",)),
    }
    told = said(Story(), "log", "artifact", "m1", actor="ci@acme")
    said(told, "log", "artifact", "m2", actor="somebody@else")
    found = witnesses(config({"log": "platform"}, domains), events(told))
    assert [(one.facts, one.own) for one in found.spoken] == [(2, 1)]


def test_a_hostile_number_of_names_is_cut():
    told = Story()
    frame = (
        said(told, "log", "artifact", "m1")
        .timeline()
        .events.select(pl.exclude("actor", "row").repeat_by(5000).explode())
        .with_columns(actor=pl.format("x{}@y", pl.int_range(pl.len())))
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.UInt64))
    )
    found = principals(config({"log": "platform"}), frame)
    assert len(found["log"].perhaps) == 1000


@pytest.mark.parametrize("count", [3, 20])
def test_the_table_escapes_what_a_source_said(count: int):
    from io import StringIO

    from rich.console import Console

    names = {f"s{number}": ("platform", "storage")[number % 2] for number in range(count)}
    told = Story()
    for name in names:
        said(told, name, "artifact\x1b[2J", "m1\x1b]0;x\x07", actor="\x1b[31m@x", basis="stamped")
    out = StringIO()
    table(Console(file=out, width=100, color_system=None), witnesses(config(names), events(told)))
    assert "\x1b" not in out.getvalue()
    assert "‹U+001B›" in out.getvalue()


def test_a_finding_s_witness_counts_who_was_seen_to_write_both():
    told = Story()
    for source, digest in (("first", GOOD), ("second", BAD)):
        told.event(
            source, "claim", "model:m@1", "10:00", attribute="artifact", digest=digest,
            value=digest, clock=f"log:{source}", basis="asserted",
        )  # fmt: skip
        told.event(source, "object.put", f"s3:{source}/m.bin", "09:00", basis="stamped")
    case = config(BUCKETS)
    (before,) = reconcile(case, "0" * 64, told.timeline(), [digest_conflict]).findings
    assert before.witness == "account"
    for bucket in ("first", "second"):
        trail(told, "trail", DBA, "trail.PutObject", bucket, basis="stamped")
    (after,) = reconcile(case, "0" * 64, told.timeline(), [digest_conflict]).findings
    assert after.witness == "self"
