"""The means by which records leave the control of their writer, each with how late at the most.

Each gives ``row``, ``means``, and microseconds: ``least`` and ``most`` after the record. What they
mean is said in :mod:`recon.audit.lockin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from recon.audit.locks import firm
from recon.instants import read_iso
from recon.time.corrected import READING, Corrected, Reading

if TYPE_CHECKING:
    from recon.collector import Item
    from recon.witnesses import Witnesses

_LAGS = {"row": pl.UInt64(), "means": pl.String(), "least": pl.Int64(), "most": pl.Int64()}


def locked(events: pl.LazyFrame, own: pl.LazyFrame, at: datetime) -> pl.LazyFrame:
    """A version, and what is claimed of it: any event whose names hold the version's."""
    versions = firm(events, at).collect()
    if versions.is_empty():
        return pl.LazyFrame(schema=_LAGS)
    stored = own.filter(pl.col("kind").is_in(["object.put", "claim"])).explode(
        "names", empty_as_null=True, keep_nulls=True
    )
    return stored.join(
        versions.lazy(), left_on=["source", "names"], right_on=["source", "version"]
    ).select(
        "row",
        means=pl.lit("object-lock"),
        least=pl.lit(0, pl.Int64),
        most=span(pl.col("seen"), pl.col("earliest")),
    )


def stamped(
    events: pl.LazyFrame, own: pl.LazyFrame, clocks: Corrected, at: datetime
) -> pl.LazyFrame:
    """Records in an item that a verified token is over, or whose digest it is."""
    tokens = (
        events.filter(
            pl.col("kind") == "timestamp.token",
            pl.col("basis") == "stamped",
            pl.col("earliest") <= at,
        )
        .select("names", late_clock="clock", late_from="earliest", late_to="latest")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .sort("late_to")
        .unique("names", keep="first", maintain_order=True)
        .collect()
        .lazy()
    )
    whole = tokens.with_columns(pl.col("names").str.strip_prefix("sha256:"))
    both = pl.concat(
        [
            own.join(whole, left_on="item", right_on="names"),
            own.join(tokens, left_on="digest", right_on="names"),
        ],
        how="diagonal",
    )
    return _late(both, "token", clocks)


def _late(both: pl.LazyFrame, means: str, clocks: Corrected) -> pl.LazyFrame:
    """By how much the later record came after the first, with the clocks' offset taken off."""
    found = clocks.apart(both, READING, Reading("late_clock", "late_from", "late_to"), "late")
    return found.filter(pl.col("late_most").is_not_null()).select(
        "row",
        means=pl.lit(means),
        least=pl.col("late_least").fill_null(0).clip(lower_bound=0),
        most=pl.col("late_most"),
    )


def _shared(own: pl.LazyFrame) -> pl.LazyFrame:
    """Hashes of the digests that records of more than one source state or contain, as ``key``.

    Most digests of a case are named in one place; only the others need be compared as text.
    """
    source = pl.col("source").hash()
    spelled = pl.concat(
        [
            own.filter(pl.col("digest").is_not_null()).select(
                key=pl.col("digest").hash(), source=source
            ),
            own.select("names", source=source)
            .explode("names", empty_as_null=False, keep_nulls=False)
            .select("source", key=pl.col("names").hash()),
        ],
        how="diagonal",
    )
    several = pl.col("source").min() != pl.col("source").max()
    return spelled.group_by("key").agg(several=several).filter("several").select("key")


def _spelled(own: pl.LazyFrame, shared: pl.LazyFrame) -> pl.LazyFrame:
    """Each shared digest, with every record that states or contains it."""
    columns = ["source", "item", "digest", "clock", "basis", "earliest", "latest", "row"]
    key = pl.col("digest").hash()
    return (
        pl.concat(
            [
                own.filter(pl.col("digest").is_not_null()).select(columns),
                own.drop("digest")
                .explode("names", empty_as_null=False, keep_nulls=False)
                .rename({"names": "digest"})
                .select(columns),
            ]
        )
        .join(shared, left_on=key, right_on="key", how="semi")
        .rename({"source": "other"})
    )


def named(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    events: pl.LazyFrame,
    own: pl.LazyFrame,
    items: Sequence[Item],
    found: Witnesses,
    clocks: Corrected,
    at: datetime,
) -> pl.LazyFrame:  # fmt: skip
    """The first record of each source that names a digest, against what others say of it.

    By its own time where its medium, or its own log, gave it. What a copy holds keeps the times of
    its origin (commits, rows, archived log, replicas): such a record counts from when the copy was
    fetched.
    """
    pairs = _pairs(found)
    if pairs is None:
        return pl.LazyFrame(schema=_LAGS)
    shared = _shared(own).collect(engine="streaming")
    if shared.is_empty():
        return pl.LazyFrame(schema=_LAGS)
    stated = own.filter(pl.col("digest").is_not_null()).join(
        shared.lazy(), left_on=pl.col("digest").hash(), right_on="key", how="semi"
    )
    spelled = _spelled(own, shared.lazy())
    first = (
        spelled.filter(_OWN_TIME)
        .join(_replicas(events, own), on="row", how="anti")
        .sort("latest", "earliest", "clock")
        .unique(["other", "digest"], keep="first", maintain_order=True)
        .select("other", "digest", late_clock="clock", late_from="earliest", late_to="latest")
    )
    apart_ = pairs.join(_copies(own), on=["source", "other"], how="anti")
    dated = stated.join(apart_, on="source").join(first, on=["other", "digest"])
    held = (
        spelled.join(fetched(items, at), left_on=["other", "item"], right_on=["source", "item"])
        .group_by("other", "digest")
        .agg(pl.col("fetched").min())
    )
    copies = (
        stated.join(pairs, on="source")
        .join(held, on=["other", "digest"])
        .select(
            "row",
            means=pl.lit("copy"),
            least=pl.lit(0, pl.Int64),
            most=span(pl.col("fetched"), pl.col("earliest")),
        )
    )
    return pl.concat([_late(dated, "digest", clocks), copies])


_OWN_TIME = pl.col("clock").str.contains("^(?:log|records):") | (
    (pl.col("basis") == "stamped")
    & ~pl.col("clock").str.contains("^git:(?:author|committer|tagger):")
)
"""Whether a record's time was given where it is held, and not where it was copied from."""


def _copies(own: pl.LazyFrame) -> pl.LazyFrame:
    """Pairs of sources that hold the log of one cluster: one is a copy, with the times of both."""
    held = (
        own.filter(pl.col("stream").str.starts_with("pg:"))
        .select("source", system=pl.col("stream").str.extract(r"^(pg:[^/]+)"))
        .unique()
    )
    both = held.join(held.rename({"source": "other"}), on="system")
    return both.filter(pl.col("source") != pl.col("other")).select("source", "other").unique()


def _replicas(events: pl.LazyFrame, own: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of versions that S3 replicated: they keep the date of their origin."""
    versions = events.filter(
        (pl.col("kind") == "object.replication") & (pl.col("value") == "REPLICA")
    ).select("source", names=pl.col("names").list.last())
    known = versions.collect()
    if known.is_empty():
        return pl.LazyFrame(schema={"row": pl.UInt64()})
    return (
        own.select("source", "row", "names")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .join(known.lazy(), on=["source", "names"], how="semi")
        .select("row")
    )


def _pairs(found: Witnesses) -> pl.LazyFrame | None:
    """Pairs, both ways, that nobody known could write together; None: there are none."""
    pairs = [
        pair for pair, one in found.pairs.items() if one.witness in {"account", "organisation"}
    ]
    both = [two for first, second in pairs for two in ((first, second), (second, first))]
    return pl.LazyFrame(both, schema=["source", "other"], orient="row") if both else None


def copied(
    own: pl.LazyFrame, items: Sequence[Item], found: Witnesses, at: datetime
) -> pl.LazyFrame:
    """Records that an independent source holds at the same place of the same log."""
    pairs = _pairs(found)
    if pairs is None:
        return pl.LazyFrame(schema=_LAGS)
    placed = own.filter(
        pl.col("stream").str.starts_with("pg:"), pl.col("position").is_not_null(),
        pl.col("kind").str.starts_with("wal."),
    )  # fmt: skip
    others = placed.select("stream", "position", "kind", "item", other="source").join(
        fetched(items, at), left_on=["other", "item"], right_on=["source", "item"]
    )
    return (
        placed.drop("item")
        .join(pairs, on="source")
        .join(others, on=["other", "stream", "position", "kind"])
        .select(
            "row",
            means=pl.lit("copy"),
            least=pl.lit(0, pl.Int64),
            most=span(pl.col("fetched"), pl.col("earliest")),
        )
    )


def fetched(items: Sequence[Item], at: datetime) -> pl.LazyFrame:
    """When each item was first acquired, up to the instant, by the custody log."""
    rows = [(one.source, one.sha256, one.acquired) for one in items]
    schema = ["source", "item", "acquired"]
    return (
        pl.LazyFrame(rows, schema=dict.fromkeys(schema, pl.String), orient="row")
        .with_columns(fetched=read_iso(pl.col("acquired")).struct.field("latest"))
        .filter(pl.col("fetched") <= at)
        .group_by("source", "item")
        .agg(pl.col("fetched").min())
    )


def span(end: pl.Expr, begin: pl.Expr) -> pl.Expr:
    """Microseconds from one time to another."""
    return (end - begin).dt.total_microseconds()
