"""Claimed tables as the log's reader is given them, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from collectors.postgres.heap.model import Table
from collectors.postgres.options import PostgresClaim
from recon.collector import Warn

if TYPE_CHECKING:
    import polars as pl

    from collectors.postgres.heap.unlogged import Hole


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed table under one OID."""

    subject: str
    """``pg:SOURCE/DATABASE/schema.table``."""
    table: str
    """``schema.table``."""
    relation: str
    """``DB/OID``; ``*/OID`` where the database is not known."""
    base: Table | None
    """As captures or dumps describe it."""
    claims: Sequence[PostgresClaim]


@dataclass(slots=True)
class Counts:
    """Row changes of one table."""

    events: int = 0
    undone: int = 0
    """By transactions with no commit in the archive."""
    unknown: int = 0
    """Updates and deletes whose old row is not in the archive."""


@dataclass(slots=True)
class WalRows:
    """What an archive tells of rows."""

    events: list[pl.LazyFrame] = field(default_factory=list)
    """Frames of :data:`recon.schema.DRAFT`, most of them in temporary files."""
    warnings: list[Warn] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    """By subject of the table."""
    described: dict[str, str] = field(default_factory=dict)
    """By subject: what told its columns."""
    since: dict[str, datetime] = field(default_factory=dict)
    """By subject, where its files are known from then on only: the commit that made the first."""
    unlogged: dict[str, list[Hole]] = field(default_factory=dict)
    """By subject: when its rows were not logged."""
    until: dict[str, dict[int, datetime | None]] = field(default_factory=dict)
    """By subject and timeline, where a page could not be read: the last commit before it."""
