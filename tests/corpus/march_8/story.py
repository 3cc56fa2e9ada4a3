"""The story as data: who released which model when, and what the migration changed.

All instants are UTC. Everything here is chosen by us; what the servers add of their own
(system identifier, OIDs, transaction ids, LSNs, version ids) is read back into ``expected.json``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BUCKET = "acme-models"
MINA = ("Mina Okafor", "mina@acme.example", "+0100")
JONAS = ("Jonas Weber", "jonas@acme.example", "+0000")
CI = ("ci@acme", "ci@acme.example", "+0000")


def at(text: str) -> datetime:
    """``2026-03-08 19:12:04.250`` as an aware instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a model, on the day it went out."""

    model: str
    version: str
    day: str
    deployed: bool = True

    @property
    def subject(self) -> str:
        """As the case names it."""
        return f"model:{self.model}@{self.version}"

    @property
    def tag(self) -> str:
        """The git tag of its training commit."""
        return f"{self.model}-v{self.version}"

    @property
    def run(self) -> str:
        """The deploy job's run id."""
        return "run-" + hashlib.sha256(self.tag.encode()).hexdigest()[:10]

    @property
    def author(self) -> tuple[str, str, str]:
        """Who trained it."""
        return MINA if self.model in {"credit-risk", "churn"} else JONAS

    def moment(self, hour: int, minute: int, second: float = 0) -> datetime:
        """An instant of its day, moved by some minutes that are its own."""
        shift = int(hashlib.sha256(self.tag.encode()).hexdigest()[10:12], 16) % 40
        start = at(f"{self.day} 00:00:00")
        return start + timedelta(hours=hour, minutes=minute + shift, seconds=second)

    def artifact(self) -> bytes:
        """The model's bytes: stands for weights, of no other meaning."""
        seed = f"weights of {self.tag}".encode()
        return b"".join(hashlib.sha256(seed + bytes([n])).digest() for n in range(64))

    def digest(self) -> str:
        """Lower-case SHA-256 of the artifact."""
        return hashlib.sha256(self.artifact()).hexdigest()

    def dataset(self) -> str:
        """Digest of the evaluation set, one a model and quarter."""
        quarter = "2025q4" if self.day < "2026" else "2026q1"
        return hashlib.sha256(f"holdout {self.model} {quarter}".encode()).hexdigest()

    def auc(self) -> str:
        """An evaluation result with three digits."""
        return f"0.{800 + int(hashlib.sha256(self.tag.encode()).hexdigest()[12:14], 16) % 130}"

    def manifest(self, commit: str) -> bytes:
        """The training manifest: names the artifact's digest and the commit."""
        body = {
            "model": self.model,
            "version": self.version,
            "artifact": {"file": "model.bin", "sha256": self.digest(), "size": 2048},
            "commit": commit,
            "created": self.moment(11, 0).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "evaluation": {"dataset_sha256": self.dataset(), "auc": float(self.auc())},
        }
        return json.dumps(body, indent=2).encode() + b"\n"

    def card(self) -> bytes:
        """The model card."""
        return (
            f"# {self.model} {self.version}\n\n"
            f"Trained by {self.author[0]}, released {self.day}.\n"
            f"AUC {self.auc()} on the quarter's holdout set.\n"
        ).encode()


RELEASES = [
    Release("fraud-score", "5.0.0", "2025-12-02"),
    Release("credit-risk", "2.1.4", "2025-12-04"),
    Release("churn", "3.0.0", "2025-12-09"),
    Release("fraud-score", "5.0.1", "2025-12-11", deployed=False),
    Release("credit-risk", "2.2.0", "2025-12-16"),
    Release("churn", "3.0.1", "2025-12-18"),
    Release("fraud-score", "5.1.0", "2025-12-22"),
    Release("credit-risk", "2.2.1", "2026-01-06"),
    Release("fraud-score", "5.1.1", "2026-01-09"),
    Release("churn", "3.1.0", "2026-01-14"),
    Release("pricing", "1.0.0", "2026-01-16"),
    Release("credit-risk", "2.3.0", "2026-01-20"),
    Release("fraud-score", "5.2.0", "2026-01-23"),
    Release("credit-risk", "2.3.0-hotfix1", "2026-01-28"),
    Release("churn", "3.1.1", "2026-01-30"),
    Release("fraud-score", "5.2.1", "2026-02-04"),
    Release("pricing", "1.1.0", "2026-02-06", deployed=False),
    Release("churn", "3.2.0", "2026-02-11"),
    Release("credit-risk", "2.3.1", "2026-02-14"),
    Release("fraud-score", "5.3.0", "2026-02-19"),
    Release("pricing", "1.2.0", "2026-02-24"),
    Release("churn", "3.2.1", "2026-02-26"),
    Release("fraud-score", "5.3.1", "2026-03-04"),
    Release("pricing", "1.2.1", "2026-03-10"),
    Release("fraud-score", "5.4.0", "2026-03-12"),
    Release("churn", "3.3.0", "2026-03-19", deployed=False),
    Release("fraud-score", "5.4.1", "2026-03-24"),
    Release("credit-risk", "2.4.0", "2026-03-26"),
    Release("churn", "3.3.1", "2026-03-27"),
]

ALTERED = next(r for r in RELEASES if r.tag == "credit-risk-v2.3.1")
LOST = next(r for r in RELEASES if r.tag == "credit-risk-v2.3.0-hotfix1")
OTHER_DIGEST = hashlib.sha256(b"credit-risk 2.3.1, trained again").hexdigest()
"""What the migration writes in place of ALTERED's digest; in no bucket, log or commit."""

SLOW_LOG = next(r for r in RELEASES if r.tag == "fraud-score-v5.2.1")
"""Innocent: the host of its deploy job was one second behind."""
LATE_TAG = next(r for r in RELEASES if r.tag == "fraud-score-v5.1.1")
"""Innocent: tagged three weeks after its commit."""
RESPELT = next(r for r in RELEASES if r.tag == "churn-v3.2.0")
"""Innocent: an UPDATE of ``registered_by`` in February."""
RESPELT_LATER = next(r for r in RELEASES if r.tag == "churn-v3.3.0")
"""Innocent: the same on 30 March, so that the row that stands today is younger than it says."""

CREATED = at("2025-11-30 09:00:00")
STARTED = at("2025-11-30 09:05:00")
"""Of the first statement: ``initdb`` took some of the time since."""
ARCHIVE_FROM = at("2026-02-10 01:00:00")
"""The weekly base backup that the WAL archive was trimmed to."""
TRIED = at("2026-03-07 18:40:05")
MIGRATED = at("2026-03-08 19:11:58.200")
COMMITTED = at("2026-03-08 19:12:04.600")
"""The migration takes some seconds, as migrations do."""
DUMPS = [
    at("2026-02-15 02:00:03"),
    at("2026-03-08 02:00:03"),
    at("2026-03-09 02:00:03"),
    at("2026-04-01 02:00:03"),
]
SEGMENT_ENDS = at("2026-03-09 02:05:00")
"""A checkpoint, and the end of a WAL segment; a busier cluster fills one in minutes."""
CAPTURED = at("2026-04-02 09:00:00")
