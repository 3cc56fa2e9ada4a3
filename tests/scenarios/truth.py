"""What really happened: the truth record of a scenario.

It holds what the script decided and what the live servers answered to it while it acted; nothing
in it comes from reading the evidence.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

SOURCE = "db"
"""The source that a scenario's database is in ``case.toml``."""
DATABASE = "postgres"


class Interval(NamedTuple):
    """When something happened, by the server's clock; a point where the server kept the time."""

    earliest: datetime
    latest: datetime


class Found(NamedTuple):
    """A finding, by what does not change from run to run."""

    rule: str
    verdict: str
    subject: str


class Act(NamedTuple):
    """What a transaction did to a table, by the collector's words for it."""

    kind: str
    table: str


class Writes(NamedTuple):
    """Rows of a table that a transaction wrote, by the server's own counters."""

    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a claimed table, as the server gave it at a snapshot."""

    subject: str
    values: Mapping[str, str]
    """By attribute; null ones left out."""
    asserted: datetime | None
    xid: int
    """Of its version."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One that a server ran."""

    xid: int
    cluster: str
    """System identifier."""
    timeline: int
    lsn: int
    """Where the log stood once it had ended: its last record begins before."""
    committed: Interval | None
    """None if it was rolled back."""
    acts: Sequence[Act] = ()
    writes: Mapping[str, Writes] = field(default_factory=dict)
    """By table, those with a row at least."""
    came: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """By table: the rows that it left written, as the server gave them right after it."""
    went: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """By table: the rows that stood before it, and not after it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A dump or a capture that was handed over, and what the tables held."""

    native: str
    """How the locator of its item ends."""
    rows: Mapping[str, Sequence[Row]]
    """By table."""
    taken: Interval
    has_versions: bool
    """Whether it records xids: a capture does, a dump does not."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What would be right to find, and no rule finds yet."""

    found: Found
    since: str
    """The day on which it was written down."""
    because: str


@dataclass(frozen=True, slots=True)
class Truth:
    """All of it."""

    transactions: Sequence[Transaction]
    snapshots: Sequence[Snapshot]
    archived: Sequence[str]
    """The WAL segments handed over: system identifier and name."""
    findings: frozenset[Found]
    """All that must be found, observations included; nothing else may be."""
    gaps: Sequence[Gap] = ()
    lost: frozenset[str] = frozenset()
    """Subjects whose rows an act took away, though nobody deleted them."""
    lost_transactions: frozenset[int] = frozenset()
    """Committed, and left out by a restore."""
    unwatched: frozenset[tuple[str, int]] = frozenset()
    """System identifier and xid of transactions that a program such as pg_restore ran by itself."""

    def write(self, path: Path) -> None:
        """As JSON, for readers that are not this program."""
        path.write_text(json.dumps(plain(self), indent=1) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """JSON of a value: dataclasses and named tuples by field, sets sorted, instants as text."""
    if isinstance(value, Interval):
        plainer: Any = [value.earliest, value.latest]
    elif isinstance(value, datetime):
        plainer = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    elif hasattr(value, "_asdict"):
        plainer = value._asdict()
    elif dataclasses.is_dataclass(value):
        plainer = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    elif isinstance(value, frozenset):
        plainer = sorted(value)
    else:
        plainer = value
    if isinstance(plainer, Mapping):
        return {str(key): plain(one) for key, one in plainer.items()}
    if isinstance(plainer, Sequence) and not isinstance(plainer, str):
        return [plain(one) for one in plainer]
    return plainer


def table_subject(table: str) -> str:
    """The subject of a table of the scenario's database."""
    return f"pg:{SOURCE}/{DATABASE}/{table}"
