"""Which sources are MLflow registries, and which of these are not one and the same.

Names of models are unique within one registry alone: two teams' registries may each have a version
1 of a model `fraud`. One registry that is seen twice, in its tables and in what its API gave, says
the same of when a version was made, or of the run that made it, for some version at least.
"""

from __future__ import annotations

from itertools import combinations

import polars as pl

from recon.rules.base import Timeline

_MADE = r"[./]model_versions\.creation_time$"
"""Clocks of when a version was made: of MLflow's own table, whoever read it."""


def registries(timeline: Timeline) -> pl.DataFrame:
    """``source`` and ``subject`` of each version of a model that a registry says was made."""
    return timeline.once("registries", _made).select("source", "subject").unique()


def distinct(timeline: Timeline) -> pl.DataFrame:
    """``source`` and ``source_other``: registries that agree on no version, both ways round.

    On none do they give the same time of its making, or the same run.
    """
    return timeline.once("distinct registries", _distinct)


def _made(timeline: Timeline) -> pl.DataFrame:
    claims = timeline.kind("claim")
    clocks = claims.select(pl.col("clock").unique().cast(pl.String)).collect().to_series()
    own = clocks.filter(clocks.str.contains(_MADE))
    return (
        claims.filter(pl.col("clock").cast(pl.String).is_in(own.implode()) if len(own) else False)
        .select(
            pl.col("source", "subject").cast(pl.String),
            "earliest",
            run=pl.when(pl.col("attribute") == "run").then(pl.col("value").cast(pl.String)),
        )
        .unique()
        .collect(engine="streaming")
    )


def _distinct(timeline: Timeline) -> pl.DataFrame:
    made = timeline.once("registries", _made)
    pairs = list(combinations(sorted(made["source"].unique()), 2))
    schema = {"source": pl.String, "source_other": pl.String}
    if not pairs:
        return pl.DataFrame(schema=schema)
    shared = set()
    for same in ("earliest", "run"):
        told = made.drop_nulls(same).select("source", "subject", same).unique()
        shared |= set(
            told.join(told, on=["subject", same], suffix="_other")
            .select("source", "source_other")
            .unique()
            .iter_rows()
        )
    rows = [one for a, b in pairs if (a, b) not in shared for one in ((a, b), (b, a))]
    return pl.DataFrame(rows, schema=schema, orient="row")
