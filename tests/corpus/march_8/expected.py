"""``expected.json``: what must be found and what must stay silent, by the maker's own knowledge.

It holds what the script decided and what the servers answered to it while it acted;
nothing in it comes from reading the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.corpus.march_8 import lineage, story

SOURCE = "pg:lineage-db"
LINEAGE = f"{SOURCE}/{lineage.DATABASE}/ml.lineage"
EVALUATIONS = f"{SOURCE}/{lineage.DATABASE}/ml.evaluations"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the servers answered while the story was played."""

    system: str
    """The cluster's system identifier."""
    migration: lineage.Migration
    tried: int
    """Transaction id of the migration that was rolled back."""
    vacuumed: lineage.Change
    rewritten: lineage.Change
    commits: Mapping[str, str]
    """Training commit by tag."""
    before: Mapping[str, Mapping[str, str]]
    """Rows of ``ml.lineage`` by subject, just before the migration."""
    after: Mapping[str, Mapping[str, str]]
    """The same, just after it."""


def expected(learnt: Learnt) -> dict[str, Any]:
    """All of it as one JSON object."""
    _check(learnt)
    return {
        "case": "march-8",
        "system_identifier": learnt.system,
        "incident": _incident(learnt),
        "as_of": _as_of(learnt),
        "must_find": _must_find(learnt),
        "may_find": _may_find(learnt),
        "must_stay_silent": _must_stay_silent(learnt),
        "rows_before": dict(learnt.before),
        "rows_after": dict(learnt.after),
        "commits": dict(learnt.commits),
    }


def _check(learnt: Learnt) -> None:
    """The migration did what the story says, and no more."""
    before, after = dict(learnt.before), dict(learnt.after)
    if before.pop(story.LOST.subject, None) is None or story.LOST.subject in after:
        raise ValueError(f"{story.LOST.subject} was not lost")
    altered = before.pop(story.ALTERED.subject), after.pop(story.ALTERED.subject)
    if altered[1] != {**altered[0], "artifact_sha256": story.OTHER_DIGEST}:
        raise ValueError(f"{story.ALTERED.subject} was not altered as told: {altered}")
    if before != after:
        raise ValueError("the other rows are not what they were")


def _incident(learnt: Learnt) -> dict[str, Any]:
    done = learnt.migration
    return {
        "table": LINEAGE,
        "xid": done.xid,
        "began": done.began,
        "committed": done.committed,
        "before": asdict(done.before),
        "after": asdict(done.after),
        "rows_written": done.rows,
        "altered": {
            "subject": story.ALTERED.subject,
            "attribute": "artifact",
            "was": story.ALTERED.digest(),
            "is": story.OTHER_DIGEST,
            "registered_at": learnt.before[story.ALTERED.subject]["registered_at"],
        },
        "lost": {
            "subject": story.LOST.subject,
            "artifact": story.LOST.digest(),
            "registered_at": learnt.before[story.LOST.subject]["registered_at"],
        },
    }


def _as_of(learnt: Learnt) -> dict[str, Any]:
    """2026-03-08T12:00Z, seven hours before the migration."""
    was, now = story.ALTERED.digest(), story.OTHER_DIGEST
    return {
        "instant": "2026-03-08T12:00:00Z",
        "answers": [
            _answer(story.ALTERED, "lineage-db", was, now),
            _answer(story.ALTERED, "models", was, was),
            _answer(story.ALTERED, "deploys", was, was),
            _answer(story.LOST, "lineage-db", story.LOST.digest(), None),
            _answer(story.LOST, "models", story.LOST.digest(), story.LOST.digest()),
        ],
        # Between noon and the migration nothing was written to the table.
        "stood": {"table": "ml.lineage", "rows": "rows_before"},
        "not_yet": sorted(set(_subjects(after=True)) - set(learnt.before)),
    }


def _answer(release: story.Release, source: str, then: str, now: str | None) -> dict[str, Any]:
    return {
        "subject": release.subject,
        "attribute": "artifact",
        "source": source,
        "said_then": then,
        "says_now": now,
    }


def _must_find(learnt: Learnt) -> list[dict[str, Any]]:
    done = learnt.migration
    altered, lost = story.ALTERED, story.LOST
    when = learnt.before[altered.subject]["registered_at"]
    return [
        {
            "rule": "re-registered",
            "verdict": "conflict",
            "subject": altered.subject,
            "asserted": f"the row of ml.lineage that stands today: registered {when}",
            "written": f"by transaction {done.xid}, committed {done.committed}",
            "replaced": f"the same transaction: OID {done.before.oid} gone, {done.after.oid} new",
            "earlier": "the dump of 2026-03-08 02:00 UTC: another artifact_sha256",
        },
        {
            "rule": "digest-conflict",
            "verdict": "conflict",
            "subject": altered.subject,
            "attribute": "artifact",
            story.OTHER_DIGEST: "lineage-db today, and in its dumps of 9 March and 1 April",
            altered.digest(): "models and deploys; lineage-db in its dumps up to 8 March 02:00",
        },
        {
            "rule": "vanished-row",
            "verdict": "missing",
            "subject": lost.subject,
            "held": "the dump of 2026-03-08 02:00 UTC",
            "absent": "the dump of 2026-03-09 02:00 UTC and all after it",
            "replaced": f"transaction {done.xid}, in between",
            "still": "its model.bin is in the bucket, its deploy in the log and in ml.deployments",
        },
    ]


def _may_find(learnt: Learnt) -> list[dict[str, Any]]:
    """True, and no accusation: the rows that were written again as they were."""
    same = sorted(set(learnt.after) - {story.ALTERED.subject})
    return [
        {"rule": "re-registered", "verdict": "observation", "subject": subject}
        for subject in same
        if subject not in _subjects(after=True)
    ]


def _subjects(*, after: bool) -> list[str]:
    """Releases of after the migration, or of before it."""
    day = story.MIGRATED.date().isoformat()
    return sorted(r.subject for r in story.RELEASES if (r.day > day) is after)


def _must_stay_silent(learnt: Learnt) -> list[dict[str, Any]]:
    """What happened and means nothing. A rule of ``*`` is every rule."""
    return [
        {
            "what": "ALTER TABLE ml.evaluations ALTER id TYPE bigint rewrites every row",
            "when": "2026-02-23T21:00:00Z",
            "table": EVALUATIONS,
            **_changed(learnt.rewritten),
            "rules": ["re-registered", "vanished-row"],
        },
        {
            "what": "UPDATE of registered_by of one row, in a table that is later recreated",
            "when": "2026-02-25T10:12:00Z",
            "table": LINEAGE,
            "subject": story.RESPELT.subject,
            "rules": ["vanished-row", "digest-conflict"],
        },
        {
            "what": "GRANT SELECT ON ml.lineage",
            "when": "2026-02-27T09:30:00Z",
            "table": LINEAGE,
            "rules": ["*"],
        },
        {
            "what": "VACUUM FULL ml.lineage gives it a new file",
            "when": "2026-03-01T03:00:00Z",
            "table": LINEAGE,
            **_changed(learnt.vacuumed),
            "rules": ["*"],
        },
        {
            "what": "the migration is tried and rolled back",
            "when": "2026-03-07T18:40:05Z",
            "table": LINEAGE,
            "xid": learnt.tried,
            "rules": ["*"],
        },
        {
            "what": "REINDEX and ANALYZE of ml.lineage",
            "when": "2026-03-15T04:00:00Z",
            "table": LINEAGE,
            "rules": ["*"],
        },
        {
            "what": "UPDATE of registered_by: the row is eleven days younger than it says",
            "when": "2026-03-30T11:45:00Z",
            "table": LINEAGE,
            "subject": story.RESPELT_LATER.subject,
            "rules": ["*"],
        },
        {
            "what": "a scratch key with a noncurrent version and a delete marker",
            "when": "2026-02-22T08:00:00Z",
            "subject": f"s3:{story.BUCKET}/scratch/compare.csv",
            "rules": ["*"],
        },
        {
            "what": "a feature branch is rebased: its authors' dates are two weeks older",
            "when": "2026-03-02T16:20:00Z",
            "subject": "git:code/refs/heads/feature/calibration",
            "rules": ["*"],
        },
        {
            "what": "a tag made three weeks after its commit was deployed",
            "subject": story.LATE_TAG.subject,
            "rules": ["unbacked-deploy", "rewritten-ref", "digest-conflict"],
        },
        {
            "what": "a deploy job's clock is one second behind: it logs its end before the row"
            " that it wrote first",
            "subject": story.SLOW_LOG.subject,
            "rules": ["unbacked-deploy", "manifest-after-artifact", "digest-conflict"],
        },
        {
            "what": "the manifest of every release is uploaded before its model",
            "subject": "model:*",
            "rules": ["manifest-after-artifact"],
        },
        {
            "what": "every deploy is of a commit that the repository has",
            "subject": "model:*",
            "rules": ["unbacked-deploy"],
        },
        *(
            {
                "what": "an honest release after the migration",
                "subject": subject,
                "rules": ["*"],
            }
            for subject in _subjects(after=True)
        ),
    ]


def _changed(change: lineage.Change) -> dict[str, Any]:
    return {"xid": change.xid, "before": asdict(change.before), "after": asdict(change.after)}
