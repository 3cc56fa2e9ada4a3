"""What dates a transaction itself: the server's commit timestamp, and its COMMIT record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from recon.written.histories import Histories
from recon.written.streams import stream_parts
from recon.written.xids import ROUND, near, number_of, system_of

if TYPE_CHECKING:
    from recon.rules.base import Timeline


def timestamps(timeline: Timeline, versions: pl.DataFrame) -> pl.DataFrame:
    """The time that the server keeps of the transaction, where it does.

    Of one that a subscription applied it keeps the time at which the publisher committed, and its
    log has its own: then the former is an estimate of when the row was written here. So it is in a
    table that a subscription fills, where no COMMIT record says that the transaction was its own.
    """
    stamped = versions.filter((pl.col("kind") == "row.version") & pl.col("earliest").is_not_null())
    filled = (
        timeline.kind("table.subscribed")
        .select("source", table="subject", filled=pl.lit(True))
        .unique()
        .collect()
    )
    doubtful = stamped.join(filled, on=["source", "table"], how="semi")
    told = stamped.join(
        _applied(timeline, doubtful), on=["source", "system", "number"], how="left"
    ).join(filled, on=["source", "table"], how="left")
    perhaps = pl.col("applied").is_null() & pl.col("filled").fill_null(False)
    return told.select(
        "row",
        firm=~(pl.col("applied").fill_null(False) | perhaps),
        earliest="earliest",
        latest="latest",
        clock="clock",
        because=pl.concat_str(
            pl.lit("the server kept the time at which transaction "),
            pl.col("number").cast(pl.String).fill_null("?"),
            pl.lit(" committed"),
            pl.when("applied")
            .then(
                pl.lit(", which is that of the server where it was made: a subscription applied it")
            )
            .when(perhaps)
            .then(
                pl.lit(
                    "; a subscription fills the table, and if it applied the transaction that is "
                    "the time of the server where it was made: its COMMIT record would say, which "
                    "is not at hand"
                )
            ),
            ignore_nulls=True,
        ),
        from_event="row",
        to_event="row",
    )


def _applied(timeline: Timeline, doubtful: pl.DataFrame) -> pl.DataFrame:
    """Transactions that come from another server, by their COMMIT records.

    And of those that wrote the ``doubtful`` rows those that do not. Columns ``source``,
    ``system``, ``number``, ``applied``.
    """
    own = doubtful.select("source", "system", "number").unique().lazy()
    records = timeline.kind("wal.commit").select(
        "source", "names", applied=pl.col("value").str.starts_with("origin=").fill_null(False)
    )
    if doubtful.is_empty():
        records = records.filter("applied")
    return (
        records.explode("names")
        .filter(pl.col("names").str.starts_with("xid:"))
        .select(
            "source",
            system=system_of(pl.col("names")),
            number=number_of(pl.col("names")),
            applied="applied",
        )
        .join(own.with_columns(asked=True), on=["source", "system", "number"], how="left")
        .filter(pl.col("applied") | pl.col("asked"))
        # A number that was given out on two timelines is another server's if it is on one.
        .group_by("source", "system", "number")
        .agg(pl.col("applied").any())
        .collect(engine="streaming")
    )


def commits(
    timeline: Timeline, versions: pl.DataFrame, placed: pl.DataFrame, known: Histories
) -> pl.DataFrame:
    """COMMIT records of the transactions that wrote the rows, by number and history.

    Where a row's history is not sure, every candidate counts, and the interval covers all of them;
    it is firm if each history that the row may be of has one.
    A record of another cluster's log, from which this one seems upgraded, is firm where that log
    also says that the transaction wrote to the row's table.
    """
    wanted = placed.select("history", "xid").unique()
    found = _records(timeline, wanted, known)
    linked = found.filter("linked")
    wrote = (
        _wrote(timeline, linked)
        if not linked.is_empty()
        else pl.DataFrame(schema={"commit": pl.UInt64, "table": pl.String, "wrote": pl.Boolean})
    )
    several = pl.col("commits") > 1
    text = (
        pl.when(several)
        .then(
            pl.format(
                "transaction {}: {} COMMIT records of that number in the log, on timelines {}; "
                "which of them the row's cluster was on is not known",
                "xid",
                "commits",
                "timelines",
            )
        )
        .when("linked")
        .then(
            pl.format(
                "transaction {} committed, by its COMMIT record in the log of cluster {}, which "
                "this one goes on from (pg_upgrade){}",
                "xid",
                "system",
                pl.when("firm")
                .then(pl.lit(", and which says that it wrote to this table"))
                .otherwise(pl.lit(", by their checkpoints")),
            )
        )
        .otherwise(
            pl.format(
                "transaction {} committed, by its COMMIT record in the log of timeline {}{}",
                "xid",
                "timelines",
                pl.when("firm")
                .then(pl.lit(""))
                .otherwise(pl.lit("; whether that is of the row's history is not told")),
            )
        )
    )
    each = (
        placed.join(found, on=["history", "xid"])
        .join(versions.select("row", "table"), on="row")
        .join(wrote, on=["commit", "table"], how="left")
        .with_columns(
            firm=(~pl.col("linked") | pl.col("wrote").fill_null(False)) & ~pl.col("maybe"),
            commits=pl.lit(1, pl.UInt32),
            timelines=pl.col("timeline").cast(pl.String),
            xid=pl.col("xid") % ROUND,
        )
    )
    alone = pl.col("sure") & (pl.len().over("row") == 1)
    return pl.concat(
        [each.filter(alone).pipe(_plain), _several(each.filter(~alone), placed)]
    ).select(
        *("row", "firm", "earliest", "latest", "clock"),
        because=text,
        from_event="from_event",
        to_event="to_event",
    )


_ONE = (
    *("row", "firm", "linked", "earliest", "latest", "clock", "from_event", "to_event"),
    *("xid", "commits", "system", "timelines"),
)


def _plain(each: pl.DataFrame) -> pl.DataFrame:
    return each.with_columns(from_event="commit", to_event="commit").select(_ONE)


def _several(each: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """What covers all records of a row's number; a history without one may be the row's."""
    if each.is_empty():
        return _plain(each)
    return (
        each.join(placed.group_by("row").agg(histories=pl.len()), on="row")
        .group_by("row")
        .agg(
            firm=pl.col("firm").all()
            & (pl.col("history").n_unique() == pl.col("histories").first()),
            linked=pl.col("linked").any(),
            earliest=pl.col("earliest").min(),
            latest=pl.col("latest").max(),
            clock=pl.col("clock").min(),
            from_event=pl.col("commit").min_by(pl.struct("earliest", "commit")),
            to_event=pl.col("commit").max_by(pl.struct("latest", "commit")),
            xid=pl.col("xid").min(),
            commits=pl.struct("timeline", "earliest").n_unique(),
            system=pl.col("system").min(),
            timelines=pl.col("timeline").unique().sort().cast(pl.String).str.join(" and "),
        )
        .select(_ONE)
    )


def _records(timeline: Timeline, wanted: pl.DataFrame, known: Histories) -> pl.DataFrame:
    """``history``, ``xid``, and of each COMMIT of it ``commit`` (row), its place and its time."""
    numbers = wanted.select(number=pl.col("xid") % ROUND).unique()
    records = (
        timeline.kind("wal.commit")
        .filter(pl.col("stream").is_not_null() & pl.col("earliest").is_not_null())
        .select(
            *("source", "stream", "position", "earliest", "latest", "clock", "names"),
            commit="row",
        )
        # A row written in a savepoint names the subtransaction, which commits with its parent.
        .explode("names")
        .filter(pl.col("names").str.starts_with("xid:"))
        .with_columns(number=number_of(pl.col("names")))
        .join(numbers.lazy(), on="number", how="semi")
        .with_columns(system=system_of(pl.col("names")), timeline=stream_parts()["timeline"])
        .drop("names")
        .collect(engine="streaming")
    )
    here = (
        _full(timeline, records)
        .join(known.stretches, on=["source", "system", "timeline"])
        .filter(
            (pl.col("position") >= pl.col("since")).fill_null(True)
            & (pl.col("until").is_null() | (pl.col("position") < pl.col("until")))
            & (pl.col("below").is_null() | (pl.col("xid") < pl.col("below")))
        )
    )
    return here.join(wanted, on=["history", "xid"], how="semi").select(
        *(
            "history",
            "xid",
            "commit",
            "system",
            "timeline",
            "earliest",
            "latest",
            "clock",
            "linked",
            "maybe",
        )
    )


def _full(timeline: Timeline, records: pl.DataFrame) -> pl.DataFrame:
    """With the full number ``xid``, from the checkpoint before the record in its stream."""
    near_by = (
        timeline.kind("wal.checkpoint")
        .filter(pl.col("stream").is_not_null() & pl.col("position").is_not_null())
        .select(
            *("source", "stream", "position"),
            point=pl.col("value")
            .str.extract(r"\bnext_xid=(\d{1,19})\b")
            .cast(pl.Int64, strict=False),
        )
        .drop_nulls()
        .collect()
        .sort("position")
    )
    if near_by.filter(pl.col("point") >= ROUND).is_empty():
        return records.with_columns(xid=pl.col("number"))
    placed = records.sort("position")
    # The checkpoint before it, else the one after it.
    by: dict[str, Any] = {
        "on": "position",
        "by": ["source", "stream"],
        "check_sortedness": False,
    }
    placed = placed.join_asof(near_by.rename({"point": "earlier"}), strategy="backward", **by)
    placed = placed.join_asof(near_by.rename({"point": "later"}), strategy="forward", **by)
    point = pl.coalesce("earlier", "later", "number")
    return placed.with_columns(xid=near(pl.col("number"), point)).drop("earlier", "later")


def _wrote(timeline: Timeline, linked: pl.DataFrame) -> pl.DataFrame:
    """Tables that transactions of an old cluster wrote to: ``commit``, ``table``, ``wrote``."""
    places = linked.select("commit", "system", "timeline", number=pl.col("xid") % ROUND).unique()
    return (
        timeline.kind("table.write")
        .filter(pl.col("stream").is_not_null())
        .select("stream", "names", table="subject")
        .explode("names")
        .filter(pl.col("names").str.starts_with("xid:"))
        .select("table", number=number_of(pl.col("names")), **stream_parts())
        .join(places.lazy(), on=["system", "timeline", "number"])
        .select("commit", "table", wrote=pl.lit(True))
        .unique()
        .collect()
    )
