"""Norm: what an object of a bucket claims to be keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import version_key, version_name

if TYPE_CHECKING:
    from recon.config import Norm


@rule("overwritten-artifact", needs=("claim", "object.put"), is_norm=True)
def overwritten_artifact(timeline: Timeline) -> Iterator[Draft]:
    """An artifact was overwritten iff a later version under its key has other bytes.

    The first version that a source knows is held against each later one of the same key, subject
    and attribute; other bytes are another SHA-256 of the whole object.
    Parameters of the norm: ``attribute`` (by default ``artifact``), ``since``.
    Undetermined, and so silent, where nothing gives a version's SHA-256: the collector counts them.
    Innocent: the same bytes uploaded again; a replica, which is another source; a release of
    several files, each under its key; a release that is meant to move, such as ``latest``, which
    the case should not claim.
    Source: SLSA 1.0, artifacts are immutable blobs; the case's own ``case.toml`` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == "overwritten-artifact":
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    attribute = str((norm.model_extra or {}).get("attribute", "artifact"))
    claimed = (
        timeline.kind("claim")
        .filter(
            (pl.col("attribute") == attribute)
            & version_name().is_not_null()
            & pl.col("earliest").is_not_null()
        )
        .with_columns(version=version_name())
        .with_columns(key=version_key())
    )
    if norm.since is not None:
        claimed = claimed.filter(pl.col("earliest") >= norm.since)
    group = ["source", "subject", "attribute", "key"]
    one = claimed.sort("earliest", "row").select(
        *group, "version", "value", "earliest", "latest", "row"
    )
    first = one.unique(group, keep="first", maintain_order=True)
    later = (
        one.join(first, on=group, suffix="_first")
        .filter(
            (pl.col("value").str.to_lowercase() != pl.col("value_first").str.to_lowercase())
            # Two of one second have no order, and an upload in parts ends after it began.
            & (pl.col("earliest") > pl.col("latest_first"))
        )
        .sort("earliest", "row")
        .unique([*group, "value"], keep="first", maintain_order=True)
        .sort("subject", "earliest", "row")
        .collect()
    )
    for row in later.iter_rows(named=True):
        yield _draft(row)


def _draft(row: dict[str, Any]) -> Draft:
    return Draft(
        verdict="breach",
        subject=row["subject"],
        statement=f"{row['source']} stored {row['attribute']} of {row['subject']} with SHA-256 "
        f"{row['value_first']} at {say_interval(row['earliest_first'], row['latest_first'])}, and "
        f"with {row['value']} at {say_interval(row['earliest'], row['latest'])}",
        events=[("first", row["row_first"]), ("overwritten", row["row"])],
        steps=[
            step(
                "norm",
                rule="overwritten-artifact",
                promises="what a release's object holds does not change",
            ),
            step(
                "differs",
                "first",
                "overwritten",
                attribute=row["attribute"],
                was=row["value_first"],
                now=row["value"],
            ),
        ],
        excuse="For this to be innocent the release would have had to be meant to change.",
        alibi="Both are SHA-256 of the whole object, and S3 stamped both times by one clock.",
        innocent=[
            Innocent("The same bytes were uploaded again.", True, "The SHA-256 differ."),
            Innocent(
                "It is a replica, which keeps the source's dates.",
                True,
                "Both versions are of one bucket and key.",
            ),
        ],
    )
