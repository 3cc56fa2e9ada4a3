"""What the WAL readers are given and give back: segments, known relations, records, writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from recon.collector import Sha256, Warn
from recon.schema import INSTANT

if TYPE_CHECKING:
    from collectors.postgres.wal.piece import Piece
    from collectors.postgres.wal.timeline import Stretch


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a WAL archive."""

    name: str
    """Its name in the archive: 24 hexadecimal digits, and ``.partial``, ``.gz`` … where it has."""
    path: Path
    """The item's bytes, or what was unpacked from them."""
    sha256: Sha256
    """The item."""
    packing: str | None = None
    """Where ``path`` was unpacked: the command that unpacks the item, ``zstd -dc``."""
    whole: bool = True
    """False where the packed bytes were cut off or damaged, and ``path`` holds what came out."""


class Seen(NamedTuple):
    """When dumps and captures show a relation under its name, by clocks that may be off."""

    first: tuple[datetime, datetime]
    """The first time that they do lies between these."""
    last: tuple[datetime, datetime]
    """The last time."""

    def also(self, other: Seen) -> Seen:
        """Of both."""
        return Seen(min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class Relation:
    """What a dump's table of contents or a capture of the catalogue says of a table's storage.

    Give all that is known, of every state: a table that was recreated has two OIDs.
    """

    oid: int
    """``pg_class.oid``; unique within one database."""
    subject: str
    """``pg:SOURCE/DATABASE/schema.table``."""
    file: str | None = None
    """``TABLESPACE/DATABASE/RELFILENODE`` as OIDs: ``1663/16384/16390``; None: not known."""
    kind: str = "r"
    """``pg_class.relkind``: r, p, m (tables), i (index), t (TOAST), S (sequence)."""
    database: int | None = None
    """OID of its database; None: not known, then the OID counts in every database."""
    seen: Seen | None = None
    """When it is known to have had the name; None: at some time."""


RECORDS: dict[str, pl.DataType] = {
    "timeline": pl.UInt32(),
    "lsn": pl.UInt64(),
    "prev": pl.UInt64(),
    "xid": pl.UInt32(),
    "rmgr": pl.String(),
    "op": pl.String(),
    "time": INSTANT,
    "files": pl.List(pl.String()),
    "stats": pl.List(pl.String()),
    "subxids": pl.List(pl.UInt32()),
    "created": pl.String(),
    "locks": pl.List(pl.String()),
    "redo": pl.UInt64(),
    "tli": pl.UInt32(),
    "prev_tli": pl.UInt32(),
    "next_xid": pl.UInt64(),
    "next_oid": pl.UInt32(),
    "oldest_commit_xid": pl.UInt32(),
    "oldest_running_xid": pl.UInt32(),
    "origin": pl.UInt32(),
    "database": pl.UInt32(),
    "template": pl.UInt32(),
    "moved": pl.String(),
    "item": pl.String(),
}
"""One row per record of Transaction, Storage, Standby, XLOG and Database that matters.

``timeline`` is the one that the record was written on; ``xid`` the transaction that it speaks of
(of COMMIT_PREPARED: the prepared one); ``op`` PostgreSQL's own word.
``time``: COMMIT, ABORT, PREPARE and END_OF_RECOVERY and RESTORE_POINT to the µs, checkpoints to the
second. ``files``: relation files dropped at commit, ``TABLESPACE/DB/FILE``. ``stats``: relations
whose statistics are dropped, ``DB/OID``. ``created``: the file of Storage CREATE or TRUNCATE; of an
unlogged relation its init fork, which alone is logged. ``locks``: AccessExclusive locks,
``DB/OID``. ``redo`` to ``oldest_running_xid``: of checkpoints; ``redo`` also the start of
BACKUP_END; ``tli``, ``prev_tli`` also of END_OF_RECOVERY. ``origin``: number of the replication
origin of a COMMIT that an apply worker wrote. ``database``: OID, of a record of Database;
``template``: of the database that it is copied from, where the record tells; ``moved``: where it is
copied onto itself, from which tablespace to which, ``FROM/TO``. ``item``: the segment in which the
record starts.
"""

WRITES: dict[str, pl.DataType] = {
    "timeline": pl.UInt32(),
    "xid": pl.UInt32(),
    "file": pl.String(),
    "inserts": pl.UInt64(),
    "updates": pl.UInt64(),
    "deletes": pl.UInt64(),
    "lsn": pl.UInt64(),
    "item": pl.String(),
}
"""One row per (timeline, xid, relation file): rows written to a heap, and the first such LSN.

``xid`` is the writing one, which may be a subtransaction. ``inserts`` counts rows,
those of MULTI_INSERT too; ``updates`` HOT updates too. ``item`` holds the first LSN.
"""

NO_RECORDS, NO_WRITES = pl.DataFrame(schema=RECORDS), pl.DataFrame(schema=WRITES)
"""Made once: a frame of many columns has its price."""

DEFINED: dict[str, pl.DataType] = {
    "timeline": pl.UInt32(),
    "xid": pl.UInt32(),
    "created": pl.String(),
    "oid": pl.UInt32(),
    "name": pl.String(),
    "namespace": pl.UInt32(),
    "kind": pl.String(),
    "use": pl.String(),
    "logged": pl.Boolean(),
    "told": pl.Boolean(),
}
"""One row per relation file that a committed transaction created (``created``, by ``xid``).

``oid`` to ``kind``: from its new row of ``pg_class``; null where it got none (new storage of an
old relation) or where it cannot be read. ``use``: how it was first written to: ``rows``,
``pages`` (whole images), ``other``, ``none`` (nothing until the commit); null: not known.
``logged``: false where the relation is unlogged, whose rows the log does not tell. ``told``: false
where it cannot be said whether it got a row, which may stand on a page image that does not unpack,
or come later than was looked.
"""

FILES: dict[str, pl.DataType] = {
    "timeline": pl.UInt32(),
    "file": pl.String(),
    "relation": pl.String(),
}
"""Which relation (``DB/OID``) a file stores, as far as relations given and WAL tell."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows written, and what else was learnt in counting them."""

    files: pl.DataFrame
    """Rows of :data:`FILES`: those known before, and the tables' first files that were written."""
    methods: Sequence[str] = ()
    """Who counted, where that is not who read."""
    wanted: frozenset[str] = frozenset()
    """Files whose rows were asked for."""
    anywhere: frozenset[str] = frozenset()
    """Numbers of files that were asked for in whatever database."""

    def theirs(self) -> pl.Expr:
        """Rows of :data:`WRITES` that were asked for."""
        number = pl.col("file").str.split("/").list.get(2)
        return pl.col("file").is_in(sorted(self.wanted)) | number.is_in(sorted(self.anywhere))


@dataclass(frozen=True, slots=True)
class Wal:
    """What an archive of WAL holds, read by whichever reader.

    Most of it lies in temporary files, which go with the last reference to it.
    """

    pieces: Sequence[Piece]
    """What was read without a break each, with its records and the rows written."""
    told: pl.DataFrame
    """Rows of :data:`RECORDS`: the records that tell of tables and timelines, each once."""
    defined: pl.DataFrame
    """Rows of :data:`DEFINED`."""
    counted: Counted
    coverage: pl.DataFrame
    """Rows of :data:`recon.schema.DRAFT_COVERAGE`."""
    warnings: Sequence[Warn] = ()
    method: str = ""
    """Which reader: ``pg_waldump (PostgreSQL) 15.20`` or ``recon's own reader``."""
    system_id: int | None = None
    """The cluster; None where nothing could be read."""
    major: int | None = None
    """PostgreSQL's major version that wrote it."""

    @property
    def stretches(self) -> Sequence[Stretch]:
        """What was read, for a second look: :func:`collectors.postgres.wal.records_of`."""
        return [piece.stretch for piece in self.pieces]

    @property
    def files(self) -> pl.DataFrame:
        """Rows of :data:`FILES`."""
        return self.counted.files

    @property
    def records(self) -> pl.DataFrame:
        """Rows of :data:`RECORDS`, by timeline and LSN, each once; all of them in memory."""
        from collectors.postgres.wal.piece import all_records

        return all_records(self.pieces)

    @property
    def writes(self) -> pl.DataFrame:
        """Rows of :data:`WRITES` of the relations that were asked for; all of them in memory."""
        from collectors.postgres.wal.rows import all_writes

        return all_writes(self.pieces, self.counted)
