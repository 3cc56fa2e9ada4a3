"""What keeps each version, and until when: retention, holds, the bucket's own lifecycle.

From the timeline alone. A version that nothing is said of is not said to be free: who was not
allowed to see has not seen that it is not locked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.s3 import held
from recon.schema import INSTANT

if TYPE_CHECKING:
    from recon.rules import Timeline

KEPT: dict[str, pl.DataType] = {
    "key": pl.String(),
    "version": pl.String(),
    "stored": INSTANT,
    "current": pl.Boolean(),
    "lock": pl.String(),
    "bypass": pl.Boolean(),
    "hold": pl.String(),
    "replication": pl.String(),
    "expires": INSTANT,
    "by": pl.String(),
}
"""One row a version that is no delete marker, and when it was stored.

``current``: no newer version and no marker is known over it; what is locked need not be current.
``lock`` is mode and date as last read, :data:`NONE` where S3 said that there is none,
:data:`UNSEEN` with S3's word where nobody was allowed to see, null where nobody asked; ``hold`` is
the same of the legal hold. ``bypass``: GOVERNANCE, which who may can end at any time; null where
the lock is not known. ``replication`` is its status as last read. ``expires`` is the first day on
which a lifecycle rule removes it, and ``by`` says which.
"""

NONE = "not locked"
UNSEEN = "not allowed to see"
_ACTS = ("object.put", "object.delete")


def of_timeline(timeline: Timeline, source: str) -> pl.LazyFrame:
    """Rows of :data:`KEPT` of a source's bucket, in no order."""
    events = timeline.events.filter(pl.col("source") == source)
    names = pl.col("names").list.last()
    listed = (
        events.filter(pl.col("kind").is_in(_ACTS))
        .group_by("subject", "value", "earliest", "kind")
        .agg(pl.col("position").max(), name=names.first())
        .with_columns(rank=held.rank("position"))
        .with_columns(current=pl.col("rank") == pl.col("rank").max().over("subject"))
        .filter(pl.col("kind") == "object.put")
        .select("subject", "name", "current", version="value", stored="earliest")
    )

    def latest(kind: str, column: str, attribute: str | None = None) -> pl.LazyFrame:
        chosen = pl.col("kind") == kind
        if attribute is not None:
            chosen &= pl.col("attribute") == attribute
        return (
            events.filter(chosen)
            .select(name=names, at=pl.col("latest"), said=pl.col("value").fill_null(NONE))
            .group_by("name")
            .agg(pl.col("said").sort_by("at", nulls_last=False).last().alias(column))
        )

    def lock(attribute: str, column: str) -> pl.LazyFrame:
        """As last read by who could: a refusal takes nothing back."""
        unseen = latest("object.unseen", "unseen", attribute)
        return (
            latest(f"object.{attribute}", column)
            .join(unseen, on="name", how="full", coalesce=True)
            .select(
                "name",
                pl.coalesce(column, pl.format("{} ({})", pl.lit(UNSEEN), "unseen")).alias(column),
            )
        )

    expires = (
        events.filter(pl.col("kind") == "object.expires")
        .select(name=names, at="earliest", why="value")
        .group_by("name")
        .agg(expires=pl.col("at").min(), by=pl.col("why").sort_by("at").first())
    )
    return (
        listed.join(lock("retention", "lock"), on="name", how="left")
        .join(lock("legal-hold", "hold"), on="name", how="left")
        .join(latest("object.replication", "replication"), on="name", how="left")
        .join(expires, on="name", how="left")
        .with_columns(
            key=pl.col("subject").str.splitn("/", 2).struct.field("field_1"),
            bypass=pl.when(~pl.col("lock").str.starts_with(UNSEEN)).then(
                pl.col("lock").str.starts_with("GOVERNANCE")
            ),
        )
        .select(list(KEPT))
    )
