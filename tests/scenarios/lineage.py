"""The database that scenarios share: its table, what is registered in it, and how it is copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.scenarios.cluster import MADE, Cluster
from tests.scenarios.stage import digest
from tests.scenarios.truth import Row, Transaction

COLUMNS = """
    model text not null,
    version text not null,
    artifact_sha256 text not null,
    registered_at timestamptz not null default now(),
    registered_by text not null default 'ci@acme',
    primary key (model, version)
"""
SCHEMA = f"create schema ml; create table ml.lineage ({COLUMNS})"
KEPT = "model, version, artifact_sha256, registered_at, registered_by"

RELEASES = {
    ("churn", "3.1.0"): "2026-01-12 11:01:30",
    ("credit-risk", "2.3.0"): "2026-01-20 11:01:31",
    ("fraud-score", "5.2.0"): "2026-02-03 11:01:29",
    ("credit-risk", "2.3.1"): "2026-02-14 11:01:30",
    ("pricing", "1.2.0"): "2026-02-24 11:01:32",
}
"""Model and version to the time at which its training job registers it."""
ALTERED = "model:credit-risk@2.3.1"
"""Whose digest the incidents change."""
LOST = "model:pricing@1.2.0"
"""The youngest: what a restore takes away."""
SUBJECTS = tuple(f"model:{model}@{version}" for model, version in RELEASES)

OTHER = digest("credit-risk", "2.3.1, trained again")
"""What the incidents write in place of the digest of ALTERED."""


def begin(db: Cluster) -> None:
    """The schema."""
    db.do(SCHEMA, lineage=MADE)


def register(db: Cluster, model: str, version: str, when: str) -> Transaction:
    """What a training job does: its time is the server's own ``now()``."""
    return db.at(when).do(
        "insert into ml.lineage (model, version, artifact_sha256)"
        f" values ('{model}', '{version}', '{digest(model, version)}')"
    )


def release(db: Cluster, since: str = "", until: str = "9999") -> list[Transaction]:
    """Register the releases of a stretch of time, or all, each at its time."""
    return [
        register(db, model, version, when)
        for (model, version), when in RELEASES.items()
        if since <= when < until
    ]


def literals(rows: Mapping[str, list[Row]], altered: Iterable[str] = (ALTERED,)) -> str:
    """All rows with their dates, as a script carries them: the digests of some are another."""
    return ", ".join(
        "('{}', '{}', '{}', '{}', 'ci@acme')".format(
            *row.subject.removeprefix("model:").split("@"),
            OTHER if row.subject in altered else row.values["artifact"],
            row.asserted,
        )
        for row in rows["ml.lineage"]
    )


def copied(rows: Mapping[str, list[Row]], altered: Iterable[str] = (ALTERED,)) -> str:
    """The same as lines of COPY, which a job loads."""
    return "".join(
        "\t".join(
            (
                *row.subject.removeprefix("model:").split("@"),
                OTHER if row.subject in altered else row.values["artifact"],
                str(row.asserted),
                "ci@acme",
            )
        )
        + "\n"
        for row in rows["ml.lineage"]
    )


def observed(*but: str, rule: str = "re-registered") -> set[tuple[str, str, str]]:
    """An observation on each release but those."""
    return {(rule, "observation", subject) for subject in SUBJECTS if subject not in but}
