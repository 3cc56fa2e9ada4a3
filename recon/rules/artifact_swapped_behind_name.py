"""Norm: what a name stands for does not change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.rules.acts import judged, parameter
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import version_key, version_name

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "artifact-swapped-behind-name"
_GROUP = ["source", "subject", "algorithm"]


@rule(_NAME, needs=("claim",), is_norm=True)
def artifact_swapped_behind_name(timeline: Timeline) -> Iterator[Draft]:
    """An artifact was swapped iff a source gives one name one digest, and later only another.

    Held against each other are all records of one source about one subject: lines of a log, rows
    by the time that they give, versions under any key. Two versions of one key are left to
    ``overwritten-artifact`` where the case declares that norm too; two snapshots of one row, which
    gives one time, are no two records of the name (see ``altered-on-re-registration``); two sources
    that differ are a ``digest-conflict``.
    Parameters of the norm: `attribute` (by default `artifact`), `since`, `tolerance` (seconds
    between two records of one release).
    Undetermined where the earlier digest is given again after the later one: the name may stand for
    several files, or have been rolled back.
    Innocent: a release of several files, or of one for each architecture, each in a record of its
    own; a name that is meant to move, such as `latest`, which the case should not claim.
    Source: design, section 2 (norm: one release, one digest); SLSA 1.0, artifacts are immutable
    blobs; the case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME:
            for row in _swapped(timeline, norm).iter_rows(named=True):
                yield _draft(row)


def _swapped(timeline: Timeline, norm: Norm) -> pl.DataFrame:
    """Of each name the first digest and the first one that took its place."""
    attribute = parameter(norm, "attribute", "artifact")
    given = (
        timeline.kind("claim")
        .filter(
            (pl.col("attribute") == attribute)
            & pl.col("digest").is_not_null()
            & pl.col("earliest").is_not_null()
            & judged(norm)
        )
        .with_columns(pl.col("digest").str.to_lowercase(), version=version_name())
        .with_columns(algorithm=pl.col("digest").str.extract(r"^([^:]+):"), at=version_key())
    )
    each = (
        given.sort("earliest", "row")
        .group_by(*_GROUP, "digest", maintain_order=True)
        .agg(
            pl.col("attribute", "earliest", "latest", "row", "at").first(),
            again=pl.col("earliest").max(),
        )
    )
    first = each.unique(_GROUP, keep="first", maintain_order=True)
    together = (
        given.select(*_GROUP, "digest", "earliest")
        .unique()
        .join(first.select(*_GROUP, first_digest="digest"), on=_GROUP)
    )
    together = (
        together.filter(pl.col("digest") == pl.col("first_digest"))
        .select(*_GROUP, "earliest")
        .join(given.select(*_GROUP, "digest", "earliest").unique(), on=[*_GROUP, "earliest"])
        .select(*_GROUP, "digest")
        .unique()
    )
    apart = (pl.col("earliest") - pl.col("latest_first")).dt.total_microseconds()
    found = (
        each.join(first, on=_GROUP, suffix="_first")
        .filter((pl.col("digest") != pl.col("digest_first")) & (apart > norm.tolerance * 1e6))
        .join(together, on=[*_GROUP, "digest"], how="anti")
    )
    if any(
        one.rule == "overwritten-artifact" and parameter(one, "attribute", "artifact") == attribute
        for one in timeline.norms
    ):
        found = found.filter((pl.col("at") != pl.col("at_first")).fill_null(value=True))
    return (
        found.sort("subject", "source", "earliest", "row")
        .with_columns(more=pl.len().over(_GROUP) - 1)
        .unique(_GROUP, keep="first", maintain_order=True)
        .collect()
    )


def _draft(row: Mapping[str, Any]) -> Draft:
    returns = row["again_first"] >= row["earliest"]
    verdict: Verdict = "undetermined" if returns else "breach"
    then = say_interval(row["earliest_first"], row["latest_first"])
    now = say_interval(row["earliest"], row["latest"])
    more = f", and with {row['more']} more digests later" if row["more"] else ""
    again = "; the first one is given again after that" if returns else ""
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} gives {row['subject']} with {row['attribute']} "
        f"{row['digest_first']} on {then}, and with {row['digest']} on {now}{more}{again}",
        events=[("first", row["row_first"]), ("other", row["row"])],
        steps=[
            step("norm", rule=_NAME, promises="what a name stands for does not change"),
            step(
                "differs",
                "first",
                "other",
                attribute=row["attribute"],
                was=row["digest_first"],
                now=row["digest"],
            ),
        ],
        excuse="For this to be innocent the name would have had to be meant to change, or to stand "
        "for several files.",
        alibi="Both are digests of one kind, from records of one source.",
        innocent=[
            Innocent(
                "The name stands for several files, each in a record of its own.",
                False if returns else None,
                "Both digests are given again and again."
                if returns
                else "The release's own manifest would say.",
            ),
            Innocent("The same bytes were released again.", True, "The digests differ."),
        ],
    )
