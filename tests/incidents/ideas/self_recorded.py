"""Which server was patched, and who says so."""

from __future__ import annotations

from tests.incidents.stage import Stage, Truth, when

RULE = "self-recorded"
COLUMNS = {"time": "At", "subject": "server:{Host}/struts2", "attributes": {"version": "Version"}}


def told(stage: Stage, name: str, domain: str, *hosts: str) -> None:
    rows = [{"Host": one, "Version": "2.3.32", "At": when("09:00")} for one in hosts]
    stage.table(*rows, name=name, domain=domain, columns=COLUMNS)


def incident(stage: Stage) -> Truth:
    """Operations patches, and its own scanner is the only one that says so of one server."""
    stage.norm(RULE, subjects="server:*", domain="platform")
    told(stage, "inventory", "platform", "web1", "web2")
    told(stage, "scanner", "platform", "web1", "web2")
    told(stage, "auditor", "audit", "web1")
    return {(RULE, "breach", "server:*")}


def innocent(stage: Stage) -> Truth:
    """Somebody else scanned every one of them."""
    stage.norm(RULE, subjects="server:*", domain="platform")
    told(stage, "inventory", "platform", "web1", "web2")
    told(stage, "auditor", "audit", "web1", "web2")
    return set()
