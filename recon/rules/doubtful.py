"""Claims that several rules look at closer: of subjects that differ somewhere, and no others.

What claims name is slow to read, and so it is read once for all of these rules.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from recon.names import named
from recon.rules.base import Timeline
from recon.rules.views import FEW, rows_of_tables, snapshots


def fetched(timeline: Timeline, about: pl.DataFrame) -> pl.LazyFrame:
    """Claims that have these values of the columns of ``about``, ``subject`` the first of them.

    Without what no rule asks of them, :data:`_UNASKED`.
    """
    rows = timeline.kind("claim").drop(_UNASKED)
    known = timeline.once("doubtful claims", _doubtful)
    subjects = about["subject"].unique()
    if known is not None and subjects.is_in(known.subjects.implode()).all():
        return known.claims.lazy().join(
            about.lazy(), on=about.columns, how="semi", maintain_order="left"
        )
    return rows.join(about.lazy(), on=about.columns, how="semi")


_UNASKED = ("domain", "actor", "stream", "position", "names", "named_version", "several_xids")


class _Doubtful(NamedTuple):
    subjects: pl.Series
    claims: pl.DataFrame
    """All of the subjects."""


def _doubtful(timeline: Timeline) -> _Doubtful | None:
    """None where they are too many to be kept in memory."""
    subjects = pl.concat([_of_several(timeline), lacking(timeline)["subject"]]).unique()
    if len(subjects) > FEW:
        return None
    of = pl.col("subject").is_in(subjects.implode())
    claims = timeline.kind("claim").drop(_UNASKED).filter(of)
    # Few as the subjects are, of one of them there may be many.
    if claims.select(pl.len()).collect(engine="streaming").item() > FEW:
        return None
    return _Doubtful(subjects, claims.collect(engine="streaming"))


def _several(timeline: Timeline) -> pl.LazyFrame:
    """Claims of subjects of which some attribute has several values or digests, and of others.

    All that are left out are alike, whatever else is asked of them.
    """
    known = timeline.once("doubtful claims", _doubtful)
    return timeline.kind("claim") if known is None else known.claims.lazy()


_AT_ONCE = 20_000_000
"""Claims that are compared at a time, some 150 bytes each."""


def _of_several(timeline: Timeline) -> pl.Series:
    """The subjects."""
    claims = timeline.kind("claim")
    count: int = claims.select(pl.len()).collect(engine="streaming").item()
    parts = 1 + count // _AT_ONCE
    # Equal numbers may stand for several subjects: then each is compared with the first of all, and
    # whatever differs from it is looked at closer.
    number = pl.col("subject").hash(1) + pl.col("attribute").hash(2)
    found = []
    for part in range(parts):
        own = claims.select("subject", "value", "digest", number=number)
        if parts > 1:
            own = own.filter(pl.col("number") % parts == part)
        # In memory: comparing words to the first of theirs is three times as fast as to the least
        # and the greatest of a group.
        read = own.collect(engine="streaming").with_row_index("place")
        first = read.select(pl.col("place").min().over("number")).to_series()
        differs = pl.any_horizontal(
            pl.col(name).ne_missing(pl.lit(read[name].gather(first)))
            for name in ("value", "digest")
        )
        found.append(read.filter(differs)["subject"].unique())
    return pl.concat(found).unique()


def varying(timeline: Timeline) -> pl.DataFrame:
    """``subject`` of which two records of one time give two values: of others nothing is asked."""
    return timeline.once("varying", _varying)


def _varying(timeline: Timeline) -> pl.DataFrame:
    return (
        _several(timeline)
        .filter((pl.col("basis") == "asserted") & pl.col("earliest").is_not_null())
        .group_by("source", "subject", "earliest", "latest", "attribute")
        .agg(differs=pl.col("value").min() != pl.col("value").max())
        .filter("differs")
        .select("subject")
        .unique()
        .collect(engine="streaming")
    )


def lacking(timeline: Timeline) -> pl.DataFrame:
    """``subject`` of which some table has a row, and some complete state of that table none.

    All that can have vanished is among them, and all that stands in one of two states alone.
    """
    return timeline.once("lacking", _lacking)


def _lacking(timeline: Timeline) -> pl.DataFrame:
    complete = (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"], how="semi")
        .sort("source", "table", "item")
        .with_row_index("state")
        .collect()
    )
    if complete.is_empty():
        return pl.DataFrame(schema={"subject": pl.String})
    # By codes: words are joined and grouped five times as slowly. Equal codes are equal words.
    coded = pl.col("source", "item", "subject", "table").cast(pl.Categorical)
    complete = complete.with_columns(pl.col("source", "item", "table").cast(pl.Categorical))
    states = complete.group_by("source", "table").agg(states=pl.len())
    place = ["source", "table", "subject"]
    rows = rows_of_tables(timeline).select(coded)
    # A claim may name its table itself; one of a row version has that one's.
    beside = pl.all_horizontal(pl.all() == pl.all().shift(1))
    own = (
        timeline.kind("claim")
        .select("source", "item", "subject", table=named("pg:"))
        .filter(pl.col("table").is_not_null())
        .collect(engine="streaming")
        # Claims of one record stand side by side: one says what all say.
        .filter(~beside.fill_null(value=False))
        .lazy()
        .select(coded)
    )
    return (
        pl.concat([rows, own])
        .join(complete.lazy(), on=["source", "item", "table"], how="left")
        .group_by(place)
        .agg(held=pl.col("state").drop_nulls().n_unique())
        .join(states.lazy(), on=["source", "table"])
        .filter(pl.col("held") < pl.col("states"))
        .select(pl.col("subject").cast(pl.String))
        .unique()
        .collect(engine="streaming")
    )


def disputed(timeline: Timeline) -> pl.DataFrame:
    """``subject`` and ``attribute`` of which more than one digest is stated by anyone."""
    return timeline.once("disputed", _disputed)


def _disputed(timeline: Timeline) -> pl.DataFrame:
    return (
        _several(timeline)
        .filter(pl.col("digest").is_not_null())
        .group_by("subject", "attribute")
        .agg(least=pl.col("digest").min(), most=pl.col("digest").max())
        .filter(pl.col("least") != pl.col("most"))
        .select("subject", "attribute")
        .collect(engine="streaming")
    )
