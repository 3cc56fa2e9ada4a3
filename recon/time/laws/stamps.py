"""The law of trusted timestamps."""

from __future__ import annotations

import polars as pl

from recon.time.laws.base import Seen, latest, law

TIMESTAMPS = ("timestamp.token", "roughtime.response")
"""Kinds of events that say bytes existed: ``names`` holds the digests of the bytes."""


@law("timestamp")
def TIMESTAMP(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """What stands in stamped bytes came before the timestamp, and what names that came after it.

    Forced by the hash function: a token over bytes says that these existed, and so all that is
    written in them.

    No law: of records elsewhere that name the digest, as a bucket may store bytes long after; of
    what is told of the bytes as a whole, such as when a bucket stored them.
    Source: RFC 3161, 2.4.2 (messageImprint); the Roughtime protocol (the nonce of a request).
    """
    if not seen.has(*TIMESTAMPS):
        # Most cases have none, and looking through what all events name is dear.
        return []
    events = seen.events
    tokens = (
        events.filter(pl.col("kind").is_in(TIMESTAMPS)).select("row", "names", "item").collect()
    )
    over = (
        tokens.select("names", after="row")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .filter(pl.col("names").str.starts_with("sha256:"))
        .select("after", item=pl.col("names").str.slice(len("sha256:")))
        .unique()
        .lazy()
    )
    # A timestamp over a timestamp is related by the digest that it names.
    inside = latest(
        events.filter(~pl.col("kind").is_in(TIMESTAMPS)), over.select("item").unique()
    ).join(over, on="item")
    own = tokens.lazy().select(before="row", names=pl.format("sha256:{}", "item"))
    naming = (
        events.filter(pl.col("names").list.len() > 0)
        .select("names", after="row")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .join(own, on="names")
        .filter(pl.col("before") != pl.col("after"))
    )
    return [
        inside.select(
            "before", "after", because=pl.lit("stands in bytes that the timestamp is over")
        ),
        naming.select("before", "after", because=pl.lit("contains the timestamp's digest")),
    ]
