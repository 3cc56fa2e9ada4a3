"""The database as it stood: what is asked of a source, and what comes back.

A collector that can rebuild its source at an instant from backups and logs says so with
:attr:`recon.collector.Collector.rehydrate`. What it answers is stored as items, entered in the
custody log, and from then on part of the evidence: of what the source *said then*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from recon import registry
from recon.errors import UsageError
from recon.evidence import Acquiring, CaseItems

if TYPE_CHECKING:
    from recon.case import Case
    from recon.evidence import Progress


@dataclass(frozen=True, slots=True)
class Rehydration:
    """What is asked."""

    at: str
    """An instant in ISO 8601, or a position of the source's own log."""
    tables: Sequence[str] = ()
    """Tables as the source names them; where empty, those that the case claims."""
    query: str | None = None
    """A query in the source's own language, instead of tables."""
    database: str | None = None
    """Which database of the source; None: the one that has the tables."""
    timeline: int | None = None
    """Which branch of the source's history; None: the one that was current then."""


@dataclass(frozen=True, slots=True)
class Stood:
    """One table, or the answer of one query, as it stood."""

    name: str
    """``schema.table``, or ``query``."""
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    """By column; text as the source writes it, None for null."""
    item: str
    """SHA-256 of the item that holds it."""


@dataclass(frozen=True, slots=True)
class Rehydrated:
    """The answer, and where it comes from."""

    source: str
    answers: Sequence[Stood]
    provenance: Mapping[str, Any]
    """What was restored from which items to which point, by which program, behind which guards."""
    notes: Sequence[str] = field(default=())
    """What a reader must know: what was left out, refused or only nearly known."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def rehydrate(
    case: Case, source: str, asked: Rehydration, *, progress: Progress | None = None
) -> Rehydrated:
    """Rebuild a source as it stood, ask it, and enter what it said as evidence.

    Raises:
        UsageError: no such source, or one whose collector cannot be rebuilt.
        ReconError: the evidence does not allow an answer; the message says why.
    """
    chosen = case.config.source(source)
    collector = registry.collector(chosen.collector)
    if collector.rehydrate is None:
        raise UsageError(
            "a source that can be rebuilt from its backups",
            f"{source}, of collector {chosen.collector}",
            "SOURCE",
        )
    case.check_items()
    try:
        case.evidence.sweep()
        acquiring = Acquiring(case.evidence, chosen, progress=progress)
        return collector.rehydrate(acquiring, CaseItems(case.evidence, source), asked)
    finally:
        case.evidence.custody.close()
