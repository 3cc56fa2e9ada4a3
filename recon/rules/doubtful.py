"""Claims that several rules look at closer: of subjects that differ somewhere, and no others.

What claims name is slow to read, and so it is read once for all of these rules.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from recon.beside import NUMBERED, differing
from recon.names import named
from recon.rules.base import Timeline
from recon.rules.views import FEW, rows_of_tables, snapshots
from recon.schema import BESIDE


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
    events = timeline.beside
    if events is None:
        subjects = pl.concat([_of_several(timeline), lacking(timeline)["subject"]]).unique()
        of, count = pl.col("subject").is_in(subjects.implode()), len(subjects)
        events = timeline.events
    else:
        differ = events.filter("may_differ").select("subject_number")
        parts = [differ.collect(engine="streaming").to_series(), _lacking_numbers(timeline)]
        numbers = pl.concat(parts).unique()
        of, count = pl.col("subject_number").is_in(numbers.implode()), len(numbers)
        events = events.drop(name for name in BESIDE if name != "subject_number")
    if count > FEW:
        return None
    rows = timeline.kind("claim", of=events).filter(of).drop(*_UNASKED, *BESIDE, strict=False)
    # Few as the subjects are, of one of them there may be many.
    claims = rows.head(FEW + 1).collect(engine="streaming")
    if len(claims) > FEW:
        return None
    return _Doubtful(pl.concat([claims["subject"], lacking(timeline)["subject"]]).unique(), claims)


def _several(timeline: Timeline) -> pl.LazyFrame:
    """Claims of subjects of which some attribute has several values or digests, and of others.

    All that are left out are alike, whatever else is asked of them.
    """
    known = timeline.once("doubtful claims", _doubtful)
    return timeline.kind("claim") if known is None else known.claims.lazy()


def _of_several(timeline: Timeline) -> pl.Series:
    """The subjects."""
    return differing(timeline.kind("claim"), "subject").unique()


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


def _complete(timeline: Timeline) -> pl.DataFrame:
    """``source``, ``table`` and ``item`` of complete states, each with a number, ``state``."""
    return (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"], how="semi")
        .sort("source", "table", "item")
        .with_row_index("state")
        .collect()
    )


def _lacking_numbers(timeline: Timeline) -> pl.Series:
    """:func:`lacking` by the numbers that the timeline has for subjects."""
    return timeline.once("lacking, by number", _numbered)


def _numbered(timeline: Timeline) -> pl.Series:
    import numpy as np

    complete = _complete(timeline)
    table = ["source", "table"]
    held = (
        timeline.kind(*NUMBERED, of=timeline.beside)
        .filter(named("pg:").is_not_null())
        .group_by("source", "item", table=named("pg:"))
        .agg(pl.col("subject_number").unique())
        .join(complete.lazy(), on=[*table, "item"], how="left")
        .join(complete.lazy().group_by(table).agg(states=pl.len()), on=table)
        .collect(engine="streaming")
    )
    found = [np.empty(0, dtype=np.int64)]
    for _, states in held.group_by(table):
        numbers = [one.to_numpy() for one in states["subject_number"]]
        count = np.full(max(int(one.max()) for one in numbers) + 1, -1, dtype=np.int32)
        for own in numbers:
            count[own] = 0
        for own, state in zip(numbers, states["state"], strict=True):
            # Each number is there once.
            count[own] += state is not None
        found.append(np.flatnonzero((count >= 0) & (count < states["states"][0])))
    return pl.Series(np.unique(np.concatenate(found)), dtype=pl.UInt32)


def _lacking(timeline: Timeline) -> pl.DataFrame:
    if timeline.beside is not None:
        of = pl.col("subject_number").is_in(_lacking_numbers(timeline).implode())
        own = timeline.kind(*NUMBERED, of=timeline.beside).filter(of)
        return own.select("subject").unique().collect(engine="streaming")
    complete = _complete(timeline)
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
