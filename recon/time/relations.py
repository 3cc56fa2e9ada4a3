"""Laws: orders that no clock can change, derived from the timeline by joins.

Two laws hold for every source:

- **digest**: bytes that contain a git object's id came after that object. A commit's id covers
  its parents' ids, its tree and its dates; to write the id down, the object had to be there.
  A sha256 in a row says that the hashed bytes existed, not that a bucket had stored them, so
  ``object.put`` is never the earlier side.
- **order**: within one stream the medium itself gives an order: WAL records by LSN on one
  timeline, lines of one append-only log, versions of one key in a listing. Only neighbours are
  related; the rest follows.

A third holds where timestamps were given: **timestamp**, of records in bytes that one is over, see
:func:`recon.time.anchors.stamped`.
"""

from __future__ import annotations

import polars as pl

from recon.time.anchors import stamped

_OBJECTS = ("git.commit", "git.tag")
_STREAMS = {
    "pg:": "write-ahead log, by LSN",
    "log:": "lines of one append-only log",
    "s3:": "versions of one key, in the order of the listing",
}


def relations(events: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of :data:`recon.schema.RELATIONS`, sorted, each pair once."""
    return (
        pl.concat([_digest(events), _order(events), stamped(events)])
        .unique(["before", "after", "law"])
        .sort("before", "after", "law")
    )


def _digest(events: pl.LazyFrame) -> pl.LazyFrame:
    objects = events.filter(pl.col("kind").is_in(_OBJECTS) & pl.col("digest").is_not_null()).select(
        "digest", before="row"
    )
    naming = (
        events.filter(pl.col("names").list.len() > 0)
        .select("names", after="row")
        .explode("names")
        .filter(pl.col("names").str.starts_with("git:"))
    )
    return (
        naming.join(objects, left_on="names", right_on="digest")
        .filter(pl.col("before") != pl.col("after"))
        .select(
            "before",
            "after",
            law=pl.lit("digest"),
            because=pl.format("contains {}", pl.col("names")),
        )
    )


def _order(events: pl.LazyFrame) -> pl.LazyFrame:
    places = (
        events.filter(
            pl.any_horizontal(pl.col("stream").str.starts_with(head) for head in _STREAMS)
            & pl.col("position").is_not_null()
        )
        .group_by("stream", "position")
        .agg(pl.col("row").min())
        .sort("stream", "position")
    )
    stream = pl.col("stream")
    because = pl.lit("order of the stream")
    for head, words in _STREAMS.items():
        because = pl.when(stream.str.starts_with(head)).then(pl.lit(words)).otherwise(because)
    return (
        places.with_columns(after=pl.col("row").shift(-1), next=stream.shift(-1))
        .filter(pl.col("next") == stream)
        .select(before="row", after="after", law=pl.lit("order"), because=because)
    )
