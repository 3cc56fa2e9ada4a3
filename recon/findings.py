"""Findings: disagreements as data. Section 6 of the design; prose is made in :mod:`recon.prose`.

A finding holds no row numbers and no wall-clock time: the same evidence gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["contradiction", "conflict", "breach", "missing", "undetermined", "observation"]
Witness = Literal["none", "self", "account", "organisation"]


@dataclass(frozen=True, slots=True)
class Role:
    """One event of a finding, and what it is there for."""

    event: str
    """Event id: ``ITEM:CITATION#PART``."""
    role: str
    """A word of the rule's own: ``asserted``, ``written``, ``recreated``."""
    source: str
    """The source whose item it is; the id alone may be shared by two sources with equal bytes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the argument.

    ``step`` says which sentence it is (see :data:`recon.prose.SENTENCES`), ``events`` the events
    it speaks of by role, in the order of the sentence, ``data`` the rest: strings and numbers.
    """

    step: str
    events: Sequence[str]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Innocent:
    """A known innocent cause that looks the same."""

    cause: str
    """One sentence."""
    ruled_out: bool | None
    """True: the evidence rules it out; False: it fits the evidence; None: nothing speaks to it."""
    because: str
    """What in the evidence says so, or what would be needed to say."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement, the fewest events that show it, and what would explain it away."""

    finding: str
    """16 hexadecimal digits of SHA-256 over rule, subject and event ids."""
    rule: str
    verdict: Verdict
    subject: str
    statement: str
    """One neutral sentence. Evidence text in it is raw: whoever shows it escapes it."""
    events: Sequence[Role]
    steps: Sequence[Step]
    margin_seconds: float | None
    """How wrong the clocks would have to be for it to vanish; null where no clock is involved."""
    excuse: str
    alibi: str
    witness: Witness
    innocent: Sequence[Innocent]
    as_of: str | None
    """Instant of the question (RFC 3339), where the case has one."""

    def to_json(self) -> dict[str, Any]:
        """As in ``findings.json``: dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of :meth:`to_json`."""
        return cls(
            **{
                **data,
                "events": tuple(Role(**role) for role in data["events"]),
                "steps": tuple(Step(**step) for step in data["steps"]),
                "innocent": tuple(Innocent(**cause) for cause in data["innocent"]),
            }
        )


def finding_id(rule: str, subject: str, events: Sequence[str]) -> str:
    """16 digits over rule, subject and the sorted event ids: stable between runs and examiners."""
    text = json.dumps([rule, subject, sorted(events)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
