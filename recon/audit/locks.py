"""The locks of objects' versions, as they were last read."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from recon.instants import read_iso
from recon.witnesses.principals import SYSTEM


def firm(events: pl.LazyFrame, at: datetime) -> pl.LazyFrame:
    """Versions that nobody can change or remove at the instant, with when that was read."""
    retained = _readings(events, "object.retention", at).filter(
        pl.col("value").str.starts_with("COMPLIANCE ") & (_until() > at)
    )
    held = _readings(events, "object.legal-hold", at).filter(pl.col("value") == "ON")
    return pl.concat([retained, held]).group_by("source", "version").agg(pl.col("seen").min())


def locks(events: pl.LazyFrame, at: datetime) -> dict[str, dict[str, int]]:
    """By source: versions of objects by the lock that was last read of them."""
    versions = (
        events.filter(pl.col("kind") == "object.put", pl.col("subject").str.contains(SYSTEM))
        .filter(pl.col("earliest") <= at)
        .select("source", version=pl.col("names").list.first())
        .unique()
    )
    retention = _readings(events, "object.retention", at).select(
        "source", "version", lock="value", ends=_until(), asked=pl.lit(value=True)
    )
    hold = _readings(events, "object.legal-hold", at).select("source", "version", hold="value")
    word = (
        pl.when(pl.col("lock").str.starts_with("COMPLIANCE ") & (pl.col("ends") > at))
        .then(pl.lit("compliance"))
        .when(pl.col("hold") == "ON")
        .then(pl.lit("hold"))
        .when(pl.col("lock").str.starts_with("GOVERNANCE ") & (pl.col("ends") > at))
        .then(pl.lit("governance"))
        .when(pl.col("asked"))
        .then(pl.lit("none"))
        .otherwise(pl.lit("unknown"))
    )
    rows = (
        versions.join(retention, on=["source", "version"], how="left")
        .join(hold, on=["source", "version"], how="left")
        .group_by("source", word=word)
        .len()
        .sort("source", "word")
        .collect(engine="streaming")
    )
    out: dict[str, dict[str, int]] = {}
    for source, name, count in rows.iter_rows():
        out.setdefault(source, {})[name] = count
    return out


def _until() -> pl.Expr:
    return read_iso(pl.col("value").str.extract(r" until (.{1,40})$")).struct.field("earliest")


def _readings(events: pl.LazyFrame, kind: str, at: datetime) -> pl.LazyFrame:
    """The last reading of each version up to the instant: ``version``, ``value``, ``seen``."""
    return (
        events.filter(pl.col("kind") == kind, pl.col("earliest") <= at)
        .select("source", "value", "row", version=pl.col("names").list.last(), seen="latest")
        .sort("seen", "row")
        .group_by("source", "version", maintain_order=True)
        .last()
        .drop("row")
    )
