"""Where the log shows relation files, and the little that it shows of OIDs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from collectors.postgres.wal.catalogue import commits_of
from collectors.postgres.wal.spans import Place


@dataclass(frozen=True, slots=True)
class Traces:
    """Where the log shows files: by file, timelines and LSNs."""

    made: Mapping[str, Sequence[Place]]
    """COMMITs of the transactions that made it."""
    listed: Mapping[str, Sequence[Place]]
    """COMMITs that list it as one to go."""
    written: Mapping[str, Sequence[Place]]
    """The first and the last of the rows written that are counted, in each piece."""
    locked: Mapping[str, Sequence[Place]]
    """By relation: AccessExclusive locks of transactions that committed."""
    begun_before: Sequence[Place]
    """COMMITs that list files, of transactions whose locks are not in the log."""
    counters: Sequence[tuple[int, int, int]]
    """Of checkpoints: timeline, LSN from which on OIDs are given out that are not lower, and it."""

    @classmethod
    def of(cls, told: pl.DataFrame, written: Iterable[pl.DataFrame]) -> Traces:
        """From the records that tell of tables, and frames of WRITES."""
        commits = commits_of(told)
        made: dict[str, list[Place]] = {}
        created = told.filter((pl.col("op") == "CREATE") & pl.col("created").is_not_null())
        for timeline, xid, file in created.select("timeline", "xid", "created").iter_rows():
            if (timeline, xid) in commits:
                made.setdefault(file, []).append((timeline, commits[timeline, xid]))
        gone = told.filter(
            pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]) & pl.col("files").is_not_null()
        )
        listed: dict[str, list[Place]] = {}
        for timeline, lsn, file in gone.select("timeline", "lsn", "files").explode("files").rows():
            listed.setdefault(file, []).append((timeline, lsn))
        seen: dict[str, list[Place]] = {}
        ends = (pl.col("lsn").min().alias("first"), pl.col("lsn").max().alias("last"))
        for rows in written:
            for file, timeline, *both in rows.group_by("file", "timeline").agg(*ends).iter_rows():
                seen.setdefault(file, []).extend((timeline, lsn) for lsn in both)
        return cls(made, listed, seen, *_locks(told), _counters(told))

    @property
    def files(self) -> set[str]:
        """All that are seen."""
        return {*self.made, *self.listed, *self.written}


def _locks(told: pl.DataFrame) -> tuple[dict[str, list[Place]], list[Place]]:
    """Locks by relation; and COMMITs that list files though the log shows no lock of theirs."""
    ended = told.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
    family = pl.concat(
        [
            ended.select("timeline", "xid", commit="lsn"),
            ended.filter(pl.col("subxids").is_not_null())
            .select("timeline", xid="subxids", commit="lsn")
            .explode("xid"),
        ]
    )
    locks = (
        told.filter(pl.col("locks").is_not_null())
        .select("timeline", "xid", "lsn", "locks")
        .join(family, on=["timeline", "xid"])
        .filter(pl.col("lsn") < pl.col("commit"))
        .explode("locks")
    )
    locked: dict[str, list[Place]] = {}
    for timeline, lsn, relation in locks.select("timeline", "lsn", "locks").iter_rows():
        locked.setdefault(relation, []).append((timeline, lsn))
    begun_before = (
        ended.filter(pl.col("files").is_not_null())
        .select("timeline", commit="lsn")
        .join(locks, on=["timeline", "commit"], how="anti")
    )
    return locked, begun_before.rows()


def _counters(told: pl.DataFrame) -> list[tuple[int, int, int]]:
    """A checkpoint tells the counter as it was once its redo LSN was known."""
    found = told.filter(pl.col("redo").is_not_null() & pl.col("next_oid").is_not_null())
    return found.select("timeline", "redo", "next_oid").rows()
