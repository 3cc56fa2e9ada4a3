"""Lives of row versions, as the write-ahead log tells them: from which commit to which.

A version that the log shows being made names itself (``version:…``), and whatever ended it names
it again (``ended:…``). One that was there before the log begins is shown when it is ended
(``row.before``): it had stood since the log began, if not longer.
A rewrite of the table moves its versions, which then are known by what they say alone.
"""

from __future__ import annotations

import polars as pl

from recon.names import by_xid, named
from recon.rules.base import Timeline
from recon.rules.views import LOGGED, RECORD

WRITTEN = ("row.insert", "row.update", "row.delete")
_EMPTIED = ("table.truncate", "table.drop", "table.recreate", "table.create")
"""What leaves no earlier row in the table of that name."""
_SAME = ["source", "table", "subject", "attribute", "value"]


def has_rows(timeline: Timeline) -> bool:
    """Whether the timeline has any row from a log."""
    return timeline.has(*LOGGED, "row.delete")


def lives(timeline: Timeline) -> pl.LazyFrame:
    """By record: ``began`` (latest), ``ended_from``, ``ended_to`` and ``followed_to``.

    ``began`` of a version from before the log is the log's begin. ``followed_to``: up to when the
    log is whole and would tell its end; null where it is not followed.
    """
    ends = (
        timeline.kind("row.update", "row.delete")
        .select(
            "source",
            version=named("ended:").str.strip_prefix("ended:"),
            ended_from="earliest",
            ended_to="latest",
        )
        .filter(pl.col("version").is_not_null())
    )
    made = (
        timeline.kind(*LOGGED)
        .select(
            *RECORD,
            "kind",
            "stream",
            "latest",
            table=named("pg:"),
            xid=named("xid:"),
            version=named("version:").str.strip_prefix("version:"),
        )
        .join(ends, on=["source", "version"], how="left")
        .with_columns(anchor=pl.coalesce("latest", "ended_from"))
    )
    covered = timeline.coverage.filter(pl.col("kind") == "row.*").select(
        "source", "earliest", table="subject", until="latest", along="stream"
    )
    spans = (
        made.join(covered, on=["source", "table"])
        .filter(
            (pl.col("earliest") <= pl.col("anchor"))
            & (pl.col("until") >= pl.col("anchor"))
            & (pl.col("stream").is_null() | (pl.col("stream") == pl.col("along")))
        )
        .group_by(RECORD)
        .agg(followed_from=pl.col("earliest").max(), followed_to=pl.col("until").min())
    )
    commits = (
        # A row written in a savepoint names the subtransaction, which commits with its parent.
        by_xid(timeline.kind("wal.commit"))
        .group_by("source", "xid")
        .agg(committed=pl.col("latest").max())
    )
    return (
        made.join(spans, on=RECORD, how="left")
        .join(commits, on=["source", "xid"], how="left")
        .select(
            *RECORD,
            "ended_from",
            "ended_to",
            "followed_to",
            # Its own commit, where the archive has that; else it had stood since the log began.
            began=pl.coalesce("latest", "committed", "followed_from"),
        )
    )


def ended(timeline: Timeline, judged: pl.LazyFrame) -> pl.LazyFrame:
    """Claims with the ends that concern them, linked or by what they say.

    ``judged``: claims with ``began``, ``ended_from``, ``ended_to`` of :func:`lives`. A claim that
    nothing ends by name ends where a version that says the same ends: it was moved by a rewrite, or
    is what a snapshot held of it; and where its table was emptied.
    """
    began = pl.coalesce("began", "seen_to")
    other = (
        judged.filter(pl.col("ended_to").is_not_null())
        .select(*_SAME, same_from="ended_from", same_to="ended_to")
        .unique()
    )
    open_ = judged.filter(pl.col("ended_to").is_null() & pl.col("table").is_not_null())
    same = (
        open_.select("row", *_SAME, began=began)
        .join(other, on=_SAME)
        .filter(pl.col("same_from") >= pl.col("began"))
        .group_by("row")
        .agg(pl.col("same_from", "same_to").min())
    )
    acts = (
        timeline.kind(*_EMPTIED)
        .filter(pl.col("earliest").is_not_null() & pl.col("stream").is_not_null())
        .select("source", act_from="earliest", act_to="latest", table="subject")
    )
    emptied = (
        open_.select("row", "source", "table", began=began)
        .join(acts, on=["source", "table"])
        # What was made by the transaction that emptied the table came after.
        .filter(pl.col("act_from") > pl.col("began"))
        .group_by("row")
        .agg(pl.col("act_from", "act_to").min())
    )
    return (
        judged.join(same, on="row", how="left")
        .join(emptied, on="row", how="left")
        .with_columns(
            ended_from=pl.min_horizontal("ended_from", "same_from", "act_from"),
            ended_to=pl.min_horizontal("ended_to", "same_to", "act_to"),
        )
        .drop("same_from", "same_to", "act_from", "act_to")
    )


def unnamed(timeline: Timeline, at: pl.Expr) -> pl.DataFrame:
    """By ``source``, ``table``: ``blind_since``, the last change up to ``at`` of a row not known.

    The event of such a row has the table for its subject.
    """
    return (
        timeline.kind(*WRITTEN)
        .filter((pl.col("subject") == named("pg:")) & (pl.col("earliest") <= at))
        .group_by("source", table="subject")
        .agg(blind_since=pl.col("latest").max())
        .collect()
    )


def untouched(timeline: Timeline, wanted: pl.LazyFrame, at: pl.Expr) -> pl.DataFrame:
    """Subjects in snapshots of which the log shows no change from then to ``at``.

    Columns ``source``, ``table``, ``subject``, ``seen_from``, ``seen_to``, ``untouched``.
    """
    key = ["source", "table", "subject", "seen_from", "seen_to"]
    spans = (
        wanted.filter(pl.col("table").is_not_null() & (pl.col("seen_to") <= at))
        .select(key)
        .unique()
    )
    covered = timeline.coverage.filter(pl.col("kind") == "row.*").select(
        "source", "earliest", "latest", table="subject"
    )
    followed = (
        spans.join(covered, on=["source", "table"])
        .filter((pl.col("earliest") <= pl.col("seen_from")) & (pl.col("latest") >= at))
        .select(key)
        .unique()
    )
    written = timeline.kind(*WRITTEN).select(
        "source", "earliest", "latest", subject_written="subject", table=named("pg:")
    )
    acts = timeline.kind(*_EMPTIED).select(
        "source", "earliest", "latest", subject_written="subject", table="subject"
    )
    touched = (
        followed.join(pl.concat([written, acts]), on=["source", "table"])
        .filter(
            (pl.col("subject_written") == pl.col("subject"))
            | (pl.col("subject_written") == pl.col("table"))
        )
        .filter((pl.col("latest") >= pl.col("seen_from")) & (pl.col("earliest") <= at))
        .select(key)
        .unique()
    )
    return followed.join(touched, on=key, how="anti").with_columns(untouched=pl.lit(True)).collect()
