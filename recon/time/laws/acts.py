"""Laws of acts that have a beginning and an end, each recorded for itself."""

from __future__ import annotations

import polars as pl

from recon.time.laws.base import Seen, law

RUN_IDS = ("run", "run_id", "request", "request_id")
"""Attributes that name one run of a job."""
_ACT = r"^(.*)\.(start|finish|end|complete|fail|abort)$"
_LSN = r"^start=([0-9A-F]{1,8})/([0-9A-F]{1,8})$"
_LABEL = r"^label=(.*) type="


@law("run")
def RUN(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """The finish of a run came after its start.

    Forced by what the words mean: records of one source, `deploy.start` and `deploy.finish` (or
    `.end`, `.complete`, `.fail`, `.abort`) of one run, by an attribute `run`, `run_id`, `request`
    or `request_id`.

    No law: where a run has more than one start or finish, as a run that was tried again; between
    two sources; of a `.stop`, as a run that restarts a service stops it and then starts it; where
    the log that one writer appends to has them the other way round.
    Source: the log's own words; OpenLineage, run states (START, COMPLETE).
    """
    if not any(kind.endswith(".start") for _, kind in seen.kinds):
        return []
    record = ["source", "item", "citation"]
    acts = (
        seen.events.filter((pl.col("part") == 0) & ~pl.col("kind").str.starts_with("backup."))
        .with_columns(act=pl.col("kind").str.extract_groups(_ACT))
        .unnest("act")
        .rename({"1": "act", "2": "end"})
        .filter(pl.col("act").is_not_null())
        .select(*record, "row", "act", "stream", "position", is_start=pl.col("end") == "start")
    )
    named = (
        seen.events.filter(pl.col("attribute").is_in(RUN_IDS) & pl.col("value").is_not_null())
        .select(*record, "attribute", "value")
        .unique()
    )
    key = ["source", "act", "attribute", "value"]
    once = (
        acts.join(named, on=record)
        .unique([*key, "row"])
        .filter(pl.len().over(*key, "is_start") == 1)
        .drop("item", "citation")
    )
    start, finish = once.filter("is_start"), once.filter(~pl.col("is_start"))
    turned = (
        pl.col("stream").str.starts_with("log:")
        & (pl.col("stream") == pl.col("stream_finish"))
        & (pl.col("position") > pl.col("position_finish"))
    )
    return [
        start.join(finish, on=key, suffix="_finish")
        .filter(~turned.fill_null(value=False))
        .select(
            before="row",
            after="row_finish",
            because=pl.format("start and finish of {} {}", "attribute", "value"),
        )
        # One run may be named by more than one attribute.
        .sort("before", "after", "because")
        .unique(["before", "after"], keep="first", maintain_order=True)
    ]


@law("backup")
def BACKUP(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """A backup's stop came after its start, and a restore from it after its start as well.

    Forced by what is written: a label's `.backup` file, or the tool's own file, tells both; the
    record in the log that ends a backup holds the LSN at which it started; the label of a backup
    lies, renamed, in the data folder that was started from it.

    No law: between a backup and the record in the log by that LSN, where no `.backup` file, which
    a primary alone writes, tells of that backup, as one of a standby starts where the last
    restartpoint did, which may be the LSN of an earlier backup of the primary; that a restore came
    after the *stop*, as before PostgreSQL 15 a server that crashed in an exclusive backup renames
    its label as it starts again; between a backup and a log record by the LSN that its label
    names, as the label's times are of when the backup began and ended.
    That recovery came after all that was replayed is the law `fork`.
    Source: PostgreSQL documentation, 26.3.3; `xlog.c` (do_pg_backup_start, do_pg_backup_stop).
    """
    if not seen.has("backup.start"):
        return []
    rows = seen.events.filter(
        pl.col("kind").is_in(["backup.start", "backup.stop", "restore.trace"])
    ).select(
        "row",
        "source",
        "item",
        "kind",
        "position",
        system=pl.col("stream").str.extract(r"^pg:(\d+)/"),
        label=pl.col("value").str.extract(_LABEL).fill_null(""),
        told="value",
        at="earliest",
        begun=_lsn(pl.col("value")),
    )
    rows = rows.collect(engine="streaming").lazy()
    starts = rows.filter(pl.col("kind") == "backup.start")
    stops = rows.filter(pl.col("kind") == "backup.stop")
    told = ["source", "item", "label"]
    alone = pl.len().over(told) == 1
    one_file = starts.filter(alone).join(stops.filter(alone), on=told, suffix="_after")
    # The label in a backup tells the same as the `.backup` file of it.
    of_primary = one_file.filter(pl.col("label") == "").select("source", "told", "at")
    by_lsn = starts.join(of_primary, on=["source", "told", "at"], how="semi").join(
        stops,
        left_on=["source", "system", "position"],
        right_on=["source", "system", "begun"],
        suffix="_after",
    )
    label = starts.join(
        rows.filter(pl.col("kind") == "restore.trace"), on=["source", "item"], suffix="_after"
    )
    words = {
        "start and stop of one backup": one_file,
        "its record in the log names where the backup started": by_lsn,
        "started from the backup of this label": label,
    }
    return [
        frame.select(before="row", after="row_after", because=pl.lit(because))
        for because, frame in words.items()
    ]


def _lsn(value: pl.Expr) -> pl.Expr:
    """The LSN at which a backup started, as the record that ends it in the log tells."""
    high, low = (
        value.str.extract(_LSN, group).str.to_integer(base=16, strict=False).cast(pl.UInt64)
        for group in (1, 2)
    )
    return high * 2**32 + low
