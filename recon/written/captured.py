"""Absent in one capture, present in a later one: a row version is known by its transaction."""

from __future__ import annotations

import polars as pl

from recon.written.items import KEY


def own(versions: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """The capture that shows each row: ``row``, ``own_time``, ``own_event``, ``own_clock``."""
    return (
        versions.filter(pl.col("kind") == "row.version")
        .select("row", *KEY, "item")
        .join(items.select(*KEY, "item", "seen_to", "snapshot"), on=[*KEY, "item"])
        .select(
            "row",
            own_time="seen_to",
            own_event="snapshot",
            own_clock=pl.format("pg:{}/server", "source"),
        )
    )


def shown(placed: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The first capture that shows a row of a transaction: it had committed by then.

    ``history``, ``xid``, ``ended_time``, ``ended_event``, ``ended_clock``. Rows whose history is
    not sure may be of another transaction of that number.
    """
    return (
        placed.filter("sure")
        .join(own, on="row")
        .sort("own_time", "own_event")
        .unique(["history", "xid"], keep="first", maintain_order=True)
        .select(
            *("history", "xid"),
            ended_time="own_time",
            ended_event="own_event",
            ended_clock="own_clock",
        )
    )


def captured(
    placed: pl.DataFrame, versions: pl.DataFrame, items: pl.DataFrame, told: pl.DataFrame
) -> pl.DataFrame:
    """When the first capture with a row version was read, and the one before, which lacks it.

    The version is not in the earlier state for certain alone where both captures are of one
    timeline of one cluster, by the control data read with them, and neither is a standby's:
    after a restore, a state of the past stands again.

    Args:
        placed: rows by history and number.
        versions: row versions.
        items: :func:`recon.written.items.items`.
        told: ``source``, ``item``, ``history`` of captures whose timeline is told.
    """
    captures = items.filter("captured").with_columns(at=pl.int_range(pl.len()).over(KEY))
    of_rows = (
        placed.sort("row", "history")
        .unique("row", keep="first", maintain_order=True)
        .join(versions.select("row", *KEY, "item", "subject"), on="row")
        .join(captures.select(*KEY, "item", "at"), on=[*KEY, "item"])
    )
    same = [*KEY, "history", "xid", "subject"]
    # Where its history is not sure, an earlier row may be of another transaction of that number.
    first = of_rows.with_columns(
        first=pl.when("sure").then(pl.col("at").min().over([*same, "sure"])).otherwise("at")
    ).with_columns(before=pl.col("first") - 1)
    place = captures.select(*KEY, "item", "at", "seen_from", "seen_to", "snapshot", "standby")
    place = place.join(told, on=["source", "item"], how="left")
    whole = captures.filter("complete").select(*KEY, "at", last="at").sort("at")
    found = (
        first.sort("before")
        .join_asof(
            whole, left_on="before", right_on="at", by=KEY, strategy="backward",
            check_sortedness=False,
        )
        .join(place.drop("item"), left_on=[*KEY, "first"], right_on=[*KEY, "at"], suffix="_now")
        .join(
            place.drop("item"), left_on=[*KEY, "last"], right_on=[*KEY, "at"], suffix="_then",
            how="left",
        )
    )  # fmt: skip
    one = (pl.col("history_now") == pl.col("history_then")) & ~pl.col("standby")
    sure = (one & ~pl.col("standby_then")).fill_null(False)
    lacks = pl.col("seen_from_then").is_not_null()
    base = found.with_columns(
        sure=sure,
        lacks=lacks,
        clock=pl.format("pg:{}/server", "source"),
        now=pl.lit("the first capture that shows the row was read at the end of this time"),
    )
    then = pl.col("seen_from_then")
    firm = base.select(
        "row",
        firm=pl.lit(True),
        earliest=pl.when("sure").then(then),
        latest="seen_to",
        clock="clock",
        because=pl.when(pl.col("sure") & pl.col("lacks"))
        .then(pl.lit("absent in one capture of the table, present in the next"))
        .otherwise(pl.lit("present in a capture of the table")),
        from_event=pl.when("sure").then("snapshot_then"),
        to_event="snapshot",
    )
    soft = base.filter(pl.col("lacks") & ~pl.col("sure")).select(
        "row",
        firm=pl.lit(False),
        earliest=then,
        latest="seen_to",
        clock="clock",
        because=pl.lit(
            "absent in one capture of the table, present in the next; unless the table went "
            "back to an earlier state in between, or a standby lagged"
        ),
        from_event="snapshot_then",
        to_event="snapshot",
    )
    return pl.concat([firm, soft])
