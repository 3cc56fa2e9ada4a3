"""self-recorded: the norm that what is recorded of a system has a witness outside it."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.self_recorded import self_recorded
from tests.stories import Story

NORM = Norm(rule="self-recorded", subjects="server:*", domain="platform")


def said(story: Story, source: str, domain: str, *hosts: str, attribute: str = "version") -> Story:
    for host in hosts:
        story.event(source, "claim", f"server:{host}", "09:00", attribute=attribute, value="2")
        story.rows[-1]["domain"] = domain
    return story


def test_fires_on_what_its_own_domain_alone_says():
    story = said(Story(), "inventory", "platform", "web1", "web2", "web3")
    said(said(story, "scanner", "platform", "web1", "web2"), "auditor", "audit", "web2")
    (draft,) = story.judged(self_recorded, NORM)
    assert draft.verdict == "breach"
    assert "2 of 3 subjects" in draft.statement
    assert "inventory, scanner alone" in draft.statement
    assert draft.events == [("said", 0)]


def test_silent_where_another_domain_says_it_too_and_without_the_norm():
    story = said(Story(), "inventory", "platform", "web1")
    assert story.judged(self_recorded) == []
    assert said(story, "auditor", "audit", "web1").judged(self_recorded, NORM) == []


def test_silent_on_other_subjects_and_what_outsiders_alone_say():
    story = said(Story(), "auditor", "audit", "web1")
    story.event("inventory", "claim", "router:r1", "09:00", attribute="version", value="2")
    assert story.judged(self_recorded, NORM) == []


def test_another_attribute_is_no_witness():
    story = said(Story(), "inventory", "platform", "web1")
    said(story, "auditor", "audit", "web1", attribute="owner")
    (draft,) = story.judged(self_recorded, NORM)
    assert "version" in draft.statement


def test_undetermined_is_never_said_and_older_records_are_not_judged():
    norm = Norm(rule="self-recorded", domain="platform", since="2026-03-09")
    assert said(Story(), "inventory", "platform", "web1").judged(self_recorded, norm) == []
