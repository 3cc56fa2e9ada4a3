"""Rows written by committed transactions: told at their COMMIT.

What a transaction wrote comes before its COMMIT in the log, often long before. It waits here, a
line for each transaction and file, until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from collectors.postgres.wal.model import NO_WRITES, Counted, Wal
from collectors.postgres.wal.piece import Piece
from collectors.postgres.wal.rows import summed, writes_of
from collectors.postgres.wal.transactions import Known

_COMMITS = ["COMMIT", "COMMIT_PREPARED"]
_ABORTS = ["ABORT", "ABORT_PREPARED"]
ACTS = pl.DataFrame(
    schema={
        "timeline": pl.UInt32,
        "lsn": pl.UInt64,
        "kind": pl.String,
        "relation": pl.String,
        "subject": pl.String,
        "value": pl.String,
    }
)
"""What befell tables at a COMMIT: none of it."""


@dataclass(slots=True)
class Arriving:
    """Rows written in one piece, taken from its piles in step with its records."""

    piece: Piece
    counted: Counted
    _next: dict[int, int] = field(default_factory=dict)
    """By pile: the batch that comes next."""

    def until(self, end: int, timeline: int) -> pl.DataFrame:
        """Rows of :data:`WRITES` of a timeline, all below ``end`` that did not come before."""
        found = [NO_WRITES]
        for number, pile in enumerate(self.piece.shelf.writes):
            at = self._next.get(number, 0)
            while at < len(pile.batches) and pile.batches[at].first < end:
                rows = writes_of(self.piece, pile, pile.batches[at], self.counted)
                found.append(rows.filter(pl.col("timeline") == timeline))
                at += 1
            self._next[number] = at
        return pl.concat(found) if len(found) > 1 else NO_WRITES


@dataclass(slots=True)
class Pending:
    """Rows written by transactions of one timeline that have not ended yet."""

    relations: pl.DataFrame
    """``timeline``, ``file``, ``relation``, ``subject`` of files whose relation has a name."""
    copies: pl.DataFrame
    """``timeline``, ``xid``, ``file`` of copies that a rewrite makes: their rows are left out."""
    _writes: pl.DataFrame = field(default_factory=lambda: NO_WRITES)

    @classmethod
    def of(cls, wal: Wal, known: Known) -> Pending:
        """None waiting."""
        relations = wal.files.with_columns(
            subject=pl.col("relation").map_elements(known.subject, return_dtype=pl.String)
        )
        copies = wal.defined.filter(pl.col("name").str.contains(r"^pg_temp_\d+"))
        return cls(
            relations.filter(pl.col("subject").is_not_null()),
            copies.select("timeline", "xid", file="created"),
        )

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return self._writes.height > 0

    def ended(self, writes: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
        """What the transactions wrote that commit in these records; ``writes`` came until then.

        A subtransaction counts with its transaction; one that was rolled back does not.
        ``records``: ``timeline``, ``xid``, ``lsn``, ``op``, ``subxids`` of outcomes.
        """
        if writes.height:
            self._writes = summed(pl.concat([self._writes, writes]))
        if not self._writes.height:
            return ACTS
        family = _family(records, _COMMITS)
        done = (
            self._writes.join(self.copies, on=["timeline", "xid", "file"], how="anti")
            .join(self.relations, on=["timeline", "file"])
            .join(family, on=["timeline", "xid"])
            .filter(pl.col("lsn") < pl.col("ended"))
            .group_by("timeline", "ended", "relation", "subject")
            .agg(pl.col("inserts", "updates", "deletes").sum())
            .filter(pl.sum_horizontal("inserts", "updates", "deletes") > 0)
            .select(
                "timeline",
                lsn="ended",
                kind=pl.lit("table.write"),
                relation="relation",
                subject="subject",
                value=pl.format("delete={} insert={} update={}", "deletes", "inserts", "updates"),
            )
        )
        gone = _family(records, [*_COMMITS, *_ABORTS])
        self._writes = self._writes.join(gone, on=["timeline", "xid"], how="anti")
        return done


def outcomes(timeline: int, plain: pl.DataFrame, rest: pl.DataFrame) -> pl.DataFrame:
    """What :meth:`Pending.ended` takes, from rows of PLAIN and of RECORDS."""
    op = pl.when("commit").then(pl.lit("COMMIT")).otherwise(pl.lit("ABORT"))
    below = pl.lit(None, pl.List(pl.UInt32))
    number = pl.lit(timeline, pl.UInt32).alias("timeline")
    return pl.concat(
        [
            plain.select(number, "xid", "lsn", op=op, subxids=below),
            rest.select(number, "xid", "lsn", "op", "subxids"),
        ]
    )


def _family(records: pl.DataFrame, ops: Sequence[str]) -> pl.DataFrame:
    """``timeline``, ``xid``, ``ended`` of transactions that end so, subtransactions too."""
    found = records.filter(pl.col("op").is_in(ops))
    below = found.filter(pl.col("subxids").is_not_null())
    return pl.concat(
        [
            found.select("timeline", "xid", ended="lsn"),
            below.select("timeline", xid="subxids", ended="lsn").explode("xid"),
        ]
    )
