"""Rows whose asserted registration is older than the act that replaced their table."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from recon import schema
from recon.names import by_xid, xids
from recon.rules.base import Timeline, seconds
from recon.rules.views import RECORD, claims, logged, rows_of_tables
from recon.rules.writes import counted
from recon.time.corrected import READING, Reading, certainly_before, possibly_before

REPLACED = ("table.recreate", "table.truncate", "table.create")
"""Acts after which no earlier row version is left in the table, the fullest word first.

A table that is created counts where one of its name stood before: it took the other one's place,
by a drop that came later or by a rename."""
RESTORED = ("timeline.fork", "timeline.end-of-recovery")
"""Acts after which the cluster goes on from an earlier state, on a timeline of its own.

They take rows away and leave the table, and say nothing about a row updated later.
A failover begins a timeline as well, and may take nothing away.
"""

_ACT = Reading("log_clock", "act_from", "act_to")
_WRITTEN = Reading("written_clock", "written_from", "written_to")


def replaced_rows(timeline: Timeline) -> pl.DataFrame:
    """Claims of row versions that assert a time before the act they were written in or after.

    Without columns where no act replaced any table.
    """
    return timeline.once("replaced", _replaced_rows)


def _replaced_rows(timeline: Timeline) -> pl.DataFrame:
    found = _candidates(timeline)
    return pl.DataFrame() if found is None else found.collect()


def _candidates(timeline: Timeline) -> pl.LazyFrame | None:
    """The same, before it is computed; None where no act replaced any table."""
    tables = (
        rows_of_tables(timeline)
        .filter(pl.col("kind") == "row.version")
        .select("source", "table")
        .unique()
    )
    restores = (
        timeline.kind(*RESTORED)
        .drop("subject")
        .join(tables.rename({"table": "subject"}), on="source")
    )
    place = ["source", "subject", "stream", "position"]
    rank = pl.col("kind").replace_strict({kind: i for i, kind in enumerate(REPLACED)}, default=0)
    # What one transaction did to a table has one name.
    replaced = timeline.kind(*REPLACED).sort(*place, rank).unique(place, keep="first")
    both = pl.concat([replaced, restores], how="diagonal").with_columns(act_clock="clock")
    acts = logged(timeline, both, READING, "act").select(
        "source",
        "log_clock",
        table="subject",
        act="row",
        act_kind="kind",
        # By the clock that stamps what the database stores; and as it reads.
        act_from="act_from",
        act_to="act_to",
        act_read="earliest",
        act_xids=xids(),
        # Known from two snapshots, and not from a record of it.
        act_seen=pl.col("names").list.eval(pl.element().str.starts_with("item:")).list.any(),
        act_stream="stream",
        act_position="position",
    )
    known = acts.collect()
    if known.is_empty():
        return None
    acts = known.lazy()
    # Rows that a transaction updated carry its xmin without having been inserted by it, and one
    # that it deleted it may have inserted again, corrected.
    changed = (
        by_xid(timeline.kind("table.write"))
        .select("source", "xid", table="subject", changes=counted("update") + counted("delete"))
        .group_by("source", "xid", "table")
        .agg(changes=pl.col("changes").sum())
    )
    # What stands in a table after an act that leaves no earlier row was written by it or later.
    stands = ~pl.col("act_kind").is_in(RESTORED) & (pl.col("act_to") <= pl.col("at_from"))
    first_capture = pl.col("seen_to") == pl.col("seen_to").min().over("subject", "table", "xid")
    dated = (
        claims(timeline)
        .drop("log_clock")
        .with_columns(
            guessed=pl.col("written_from").is_null() & pl.col("guess_from").is_not_null(),
        )
        .with_columns(
            written_basis=pl.when("guessed").then("guess_basis").otherwise("written_basis"),
            written_clock=pl.when("guessed").then("guess_clock").otherwise("written_clock"),
            written_by=pl.when(~pl.col("guessed")).then("written_by"),
            written_from=pl.when("guessed").then("guess_from").otherwise("written_from"),
            written_to=pl.when("guessed").then("guess_to").otherwise("written_to"),
        )
        .filter(
            (pl.col("basis") == "asserted")
            & pl.col("written_from").is_not_null()
            & pl.col("written_to").is_not_null()
            & pl.col("latest").is_not_null()
        )
        .join(acts, on=["source", "table"])
    )
    # The row's own time, and when it was written, beside the act.
    told = timeline.clocks.apart(dated, READING, _ACT, "told")
    told = told.with_columns(
        told_from=(pl.col("earliest").dt.epoch("us") + pl.col("told_low")).cast(schema.INSTANT)
    )
    told = timeline.clocks.on(told, _WRITTEN, _ACT, "wrote").with_columns(
        # Not bounded: at any time.
        pl.col("wrote_from").fill_null(pl.lit(datetime.min.replace(tzinfo=UTC), schema.INSTANT))
    )
    return (
        told.filter(_older("told", pl.col("latest") < pl.col("act_read")))
        .filter(pl.col("act_from") <= pl.col("wrote_to"))
        # Of several acts the last before the row was written is the one that replaced it.
        .filter(pl.col("act_from") == pl.col("act_from").max().over(RECORD))
        .filter(first_capture)
        .join(changed, on=["source", "xid", "table"], how="left")
        # After a restore, an ordinary change of an old row looks the same and means nothing.
        .filter(~pl.col("act_kind").is_in(RESTORED) | (pl.col("changes") == 0))
        .with_columns(
            pl.when(stands & ~pl.col("guessed"))
            .then(pl.max_horizontal(name, "act_from"))
            .otherwise(name)
            .alias(name)
            for name in ("written_from", "wrote_from")
        )
        .pipe(timeline.clocks.apart, READING, _WRITTEN, "stored")
        .filter(_older("stored", pl.col("latest") < pl.col("written_from")))
        .with_columns(
            same_transaction=pl.col("xid").is_in(pl.col("act_xids")),
            unsure=~(certainly_before("told") & certainly_before("stored")),
            margin=pl.when(certainly_before("stored"))
            .then(pl.col("stored_least") / 1_000_000)
            .otherwise(seconds(pl.col("written_from") - pl.col("latest"))),
        )
    )


def _older(name: str, reads: pl.Expr) -> pl.Expr:
    """Whether the first certainly came before the second, or may have and reads so."""
    return certainly_before(name) | (possibly_before(name) & reads)
