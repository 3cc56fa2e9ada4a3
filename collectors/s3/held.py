"""What a bucket held at an instant: the newest version of each key, or its delete marker.

By S3's clock, of the versions that the evidence knows. A version that was deleted by its id leaves
no trace in a listing, so an answer speaks of what some listing, report or page still shows; the
rule ``vanished-version`` says what an earlier one shows and a later one does not.

A key's answer is ``certain`` where its version was whole at the instant, nothing that began before
it can have ended after it, and no order is missing within a second. It is ``possible`` where

- the version is an upload in parts: it began at ``earliest`` and was there by ``latest`` at most;
- two versions are of one second and nothing orders them;
- the version ``null`` was put after the instant: it took the place of any older ``null``, which a
  PUT to a suspended bucket overwrites under the same id (S3 User Guide, "Adding objects to
  versioning-suspended buckets"), and which may have been the newest then.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from recon.schema import INSTANT

if TYPE_CHECKING:
    from recon.rules import Timeline

HELD: dict[str, pl.DataType] = {
    "key": pl.String(),
    "state": pl.String(),
    "version": pl.String(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "certainty": pl.String(),
    "because": pl.String(),
}
"""One row a key that had a version by then: ``state`` is ``object`` or ``deleted``."""

_ORDERS = 1 << 32
_LOW = _ORDERS - 1
_END = pl.lit((1 << 63) - 1, pl.Int64)


def of_timeline(timeline: Timeline, source: str) -> pl.LazyFrame:
    """Versions of a source's bucket, as :func:`at` takes them; each once, however often listed."""
    name = pl.col("subject").str.splitn("/", 2).struct.field("field_1")
    return (
        timeline.kind("object.put", "object.delete")
        .filter(pl.col("source") == source)
        .select(
            key=name,
            version="value",
            deleted=pl.col("kind") == "object.delete",
            earliest="earliest",
            latest="latest",
            order="position",
        )
        .group_by("key", "version", "earliest", "deleted")
        # Another listing may bound an upload in parts closer, or count other versions.
        .agg(
            pl.col("latest").min(),
            order=pl.when(pl.col("order").n_unique() == 1).then(pl.col("order").first()),
        )
    )


def rank(order: str) -> pl.Expr:
    """A number that grows from the oldest version of a key to the newest: second, then order."""
    return _rank(pl.col(order).fill_null(0).cast(pl.Int64))


def _rank(low: pl.Expr) -> pl.Expr:
    return pl.col("earliest").dt.epoch("s").cast(pl.Int64) * _ORDERS + low.clip(0, _LOW)


def _under(key: str, rank: str, end: str, later: str) -> pl.Expr:
    """Whether the row before is of the same key, of a newer second, and ends no earlier.

    Then nothing depends on the row. S3 lists newest first, so that most rows need not be grouped.
    """
    before = [pl.col(name).shift(1) for name in (key, rank, end)]
    newer = (before[1] // _ORDERS) > (pl.col(rank) // _ORDERS)
    under = (pl.col(key) == before[0]) & newer & (before[2] >= pl.col(end)) & ~pl.col(later)
    return under.fill_null(value=False)


def at(versions: pl.LazyFrame, instant: datetime) -> pl.LazyFrame:
    """Rows of :data:`HELD`, in no order.

    Args:
        versions: ``key``, ``version``, ``deleted`` (a delete marker), ``earliest``, ``latest``
            (null: not known), ``order`` (counts from the oldest of a key; null: not known).
        instant: aware UTC.
    """
    now = pl.lit(instant, INSTANT)
    # A later `null` is kept for what it says of older ones; it is never the newest.
    is_later = pl.col("earliest") > now
    begun = versions.with_row_index("at").filter(~is_later | (pl.col("version") == "null"))
    low, at_ = pl.col("order").cast(pl.Int64), pl.col("at").cast(pl.Int64)
    end = pl.col("latest").dt.epoch("us").fill_null(_END)
    dated = begun.with_columns(
        rank=pl.when(~is_later).then(_rank(pl.coalesce(low, at_))).otherwise(-1),
        # Among versions of one second that nothing orders, the other end of them.
        other=pl.when(~is_later).then(_rank(pl.coalesce(low, _LOW - at_))).otherwise(-1),
        end=pl.when(~is_later).then(end).otherwise(0),
        later=is_later,
    )
    newest = (
        dated.filter(~_under("key", "rank", "end", "later"))
        .group_by("key")
        .agg(
            pl.col("version", "deleted", "end").max_by("rank"),
            pl.col("rank", "other", "later").max(),
            last=pl.col("end").max(),
        )
        .filter(pl.col("rank") >= 0)
    )
    one, two = pl.col("rank") & _LOW, pl.col("other") & _LOW
    is_one = (one == two) | (one + two == _LOW)
    asked = pl.lit(instant, INSTANT).dt.epoch("us")
    because = (
        pl.when(pl.col("end") > asked)
        .then(pl.lit("it may have been put after the instant"))
        .when(pl.col("last") > pl.col("end"))
        .then(pl.lit("an upload in parts that began before it may have ended after it"))
        .when(~is_one)
        .then(pl.lit("nothing orders the versions of its second"))
        .when("later")
        .then(pl.lit("a later PUT of the version null may have overwritten one that was newer"))
    )
    return newest.with_columns(because=because).select(
        "key",
        state=pl.when("deleted").then(pl.lit("deleted")).otherwise(pl.lit("object")),
        version="version",
        earliest=pl.from_epoch(pl.col("rank") // _ORDERS, "s")
        .dt.replace_time_zone("UTC")
        .cast(INSTANT),
        latest=pl.from_epoch(pl.when(pl.col("end") < _END).then("end"), "us")
        .dt.replace_time_zone("UTC")
        .cast(INSTANT),
        certainty=pl.when(pl.col("because").is_null())
        .then(pl.lit("certain"))
        .otherwise(pl.lit("possible")),
        because=pl.col("because").fill_null("it was whole, and nothing newer is known"),
    )
