"""The packaged case, which promises a copy and its owner's sign-off before a table is migrated."""

from __future__ import annotations

from tests.incidents import march_8
from tests.incidents.stage import Stage, Truth

RULE = "migration-signed-off"
TABLE, OWNER = "ml.lineage", "owner@acme"
SUBJECT = f"pg:lineage-db/lineage/{TABLE}"


def migrated(stage: Stage, *signoffs: tuple[str, str, str], complete: str = "yes") -> Truth:
    """Sign-offs: time, who, and the table."""
    due = march_8.packaged(stage)
    stage.norm(RULE, table=TABLE, owner=OWNER, complete=complete)
    rows = [
        {"ts": f"{when}:00Z", "event": "signoff", "user": who, "table": table}
        for when, who, table in signoffs
    ]
    stage.log(*rows, name="signoffs", domain="storage", subject="table:{table}")
    return due


def incident_march_8(stage: Stage) -> Truth:
    """Whoever signed is not the owner, and the owner signed off another table, or after it."""
    due = migrated(
        stage,
        ("2026-03-07T10:00", "ci@acme", TABLE),
        ("2026-03-07T10:00", OWNER, "ml.evaluations"),
        ("2026-03-09T10:00", OWNER, TABLE),
    )
    return due | {(RULE, "breach", SUBJECT)}


def incident_incomplete_march_8(stage: Stage) -> Truth:
    """There is none, and nobody answers for it that all sign-offs are at hand."""
    due = migrated(stage, ("2026-01-07T10:00", OWNER, TABLE), complete="no")
    return due | {(RULE, "undetermined", SUBJECT)}


def innocent_march_8(stage: Stage) -> Truth:
    """The owner signed the day before, and that night's dump is a copy."""
    return migrated(stage, ("2026-03-07T10:00", OWNER, TABLE))
