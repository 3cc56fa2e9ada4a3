"""store-apart: the lineage store shares its domain, or its base backups, with what it tells of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recon.config import Domain, Norm
from recon.rules import Draft
from recon.rules.store_apart import store_apart
from tests.stories import GOOD, Story

NORM = Norm(rule="store-apart")
PLATFORM = Domain(organisation="acme", account="1")
STORAGE = Domain(organisation="acme", account="2")


def told(source: str = "deploys", attribute: str = "artifact") -> Story:
    """The store and another source speak of one model."""
    story = Story().event("lineage-db", "claim", "model:m@1", "10:00", attribute="artifact")
    return story.event(source, "claim", "model:m@1", "10:01", attribute=attribute, digest=GOOD)


def judged(story: Story, norm: Norm = NORM, **domains: tuple[str, Domain]) -> list[Draft]:
    """``domains``: by source, with ``lineage`` for the store."""
    sides = {name.replace("lineage", "lineage-db"): side for name, side in domains.items()}
    return list(store_apart.check(replace(story.timeline(norm), domains=sides)))


def test_fires_on_one_domain():
    (draft,) = judged(told(), lineage=("p", PLATFORM), deploys=("p", PLATFORM))
    assert draft.verdict == "breach"
    assert draft.subject == "source:lineage-db"
    assert "are in one domain, p" in draft.statement


def test_fires_on_two_domains_of_one_account():
    other = Domain(organisation="acme", account="1", cluster="eu-2")
    (draft,) = judged(told(), lineage=("p", PLATFORM), deploys=("q", other))
    assert (draft.verdict, "of one account" in draft.statement) == ("breach", True)


def test_fires_where_somebody_can_write_both():
    one, other = (d.model_copy(update={"writers": ("dba",)}) for d in (PLATFORM, STORAGE))
    (draft,) = judged(told(), lineage=("p", one), deploys=("s", other))
    assert "both of which dba can write" in draft.statement


def test_silent_on_another_account():
    assert judged(told(), lineage=("s", STORAGE), deploys=("p", PLATFORM)) == []


def test_another_account_is_not_another_organisation():
    norm = Norm(rule="store-apart", level="organisation")
    (draft,) = judged(told(), norm, lineage=("s", STORAGE), deploys=("p", PLATFORM))
    assert draft.verdict == "breach"
    outside = Domain(organisation="auditors")
    assert judged(told(), norm, lineage=("s", outside), deploys=("p", PLATFORM)) == []


def test_undetermined_where_an_account_is_not_declared():
    (draft,) = judged(told(), lineage=("s", Domain(organisation="acme")), deploys=("p", PLATFORM))
    assert draft.verdict == "undetermined"


@pytest.mark.parametrize("attribute", ["artifact", "auc"])
def test_silent_on_a_source_that_speaks_of_nothing_that_the_store_does(attribute: str):
    found = judged(told(attribute=attribute), lineage=("p", PLATFORM), deploys=("p", PLATFORM))
    assert len(found) == (attribute == "artifact")


def test_records_from_before_it_was_declared_are_not_judged():
    norm = Norm(rule="store-apart", since="2026-03-10")
    assert judged(told(), norm, lineage=("p", PLATFORM), deploys=("p", PLATFORM)) == []


def backed_up(*tables: str) -> Story:
    story = Story().event(
        "lineage-db", "backup.stop", "pg:lineage-db", "01:30", value="label=weekly lsn=0/1"
    )
    for table in tables:
        story.cover("lineage-db", "claim", f"pg:lineage-db/lineage/{table}", "02:00", "02:00")
    return story


OWN = Norm(rule="store-apart", tables="ml.lineage")


def test_fires_on_a_base_backup_that_holds_other_tables_too():
    (draft,) = judged(backed_up("ml.lineage", "ml.evaluations"), OWN)
    assert draft.verdict == "breach"
    assert "holds ml.evaluations beside" in draft.statement


def test_silent_on_a_cluster_of_its_own_and_where_there_is_no_base_backup():
    assert judged(backed_up("ml.lineage"), OWN) == []
    story = Story().cover("lineage-db", "claim", "pg:lineage-db/lineage/ml.x", "02:00", "02:00")
    assert judged(story, OWN) == []
