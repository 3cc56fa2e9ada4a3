"""Which cluster goes on from which other one: made by ``pg_upgrade``, not by dump and restore.

``pg_upgrade`` makes a cluster with a system identifier of its own, and has it go on from the old
one's next transaction and next segment of log; rows keep their xmin. A cluster into which a dump
was loaded begins both anew. Source: ``pg_upgrade.c`` (``copy_xact_xlog_xid``).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl


class Upgrade(NamedTuple):
    """Evidence that one cluster goes on from another."""

    old: tuple[str, str, int]
    """Source, system, and the timeline that it was on at last."""
    new: tuple[str, str]
    """Source and system."""
    below: int
    """The first number known to have come next in the new cluster: those below are inherited."""


def upgrades(counts: pl.DataFrame) -> list[Upgrade]:
    """From the checkpoints of all clusters, by their beginning.

    One goes on from another of its source iff its first checkpoint known is not before the other's
    last one in number of transactions, nor in place in the log, nor in time; of several others,
    from the latest. Rows say more: see :func:`recon.written.commits.commits`.

    Args:
        counts: ``source``, ``system``, ``timeline``, ``position``, ``next_xid``, ``time_from`` and
            ``time_to`` of checkpoints.
    """
    last = pl.struct("next_xid", "position")
    clusters = (
        counts.filter(pl.col("position").is_not_null() & (pl.col("timeline") > 0))
        .group_by("source", "system")
        .agg(
            first_xid=pl.col("next_xid").min(),
            last_xid=pl.col("next_xid").max(),
            first_place=pl.col("position").min(),
            last_place=pl.col("position").max(),
            begun=pl.col("time_to").min(),
            ended=pl.col("time_from").max(),
            timeline=pl.col("timeline").sort_by(last, "timeline").last(),
        )
        .sort("source", "begun", "system")
    )
    rows = clusters.to_dicts()
    found = []
    for new in rows:
        older = [
            old
            for old in rows
            if old["source"] == new["source"]
            and old["system"] != new["system"]
            and old["last_xid"] <= new["first_xid"]
            and old["last_place"] <= new["first_place"]
            and old["ended"] <= new["begun"]
        ]
        if older:
            old = max(older, key=lambda one: (one["last_xid"], one["system"]))
            found.append(
                Upgrade(
                    (old["source"], old["system"], old["timeline"]),
                    (new["source"], new["system"]),
                    new["first_xid"],
                )
            )
    return found
