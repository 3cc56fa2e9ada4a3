"""A registry that another system's log is held against, and a norm that it lies apart from it."""

from __future__ import annotations

from tests.incidents.stage import GOOD, Stage, Truth, line

RULE = "store-apart"
COLUMNS = {"time": "at", "subject": "model:{model}@{version}", "attributes": {"artifact": "sha256"}}
ROW = {"at": "2026-03-08T08:30:00Z", "model": "m1", "version": "1", "sha256": GOOD}
FOUND = (RULE, "breach", "source:registry")


def told(stage: Stage, domain: str, log_domain: str = "platform", **norm: str) -> None:
    stage.norm(RULE, store="registry", **norm)
    stage.table(ROW, name="registry", columns=COLUMNS, domain=domain)
    stage.log(line("09:00", digest=GOOD), domain=log_domain)


def incident(stage: Stage) -> Truth:
    """Both are in the domain of those who deploy."""
    told(stage, "platform")
    return {FOUND}


def incident_of_one_organisation(stage: Stage) -> Truth:
    """The accounts are two, and the norm promises two organisations."""
    told(stage, "storage", level="organisation")
    return {FOUND}


def innocent(stage: Stage) -> Truth:
    """The registry is in an account of its own."""
    told(stage, "storage")
    return set()


def innocent_of_what_is_asked(stage: Stage) -> Truth:
    """The norm is about another source, which lies apart."""
    told(stage, "platform", of="audit*")
    stage.log(line("09:00", digest=GOOD), name="audit-log", domain="audit")
    return set()
