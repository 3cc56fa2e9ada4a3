"""Frames that rules about deploys start from: the records of logs, and the rows of one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.names import named
from recon.rules.base import Timeline
from recon.rules.views import RECORD
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import Norm

FINISHED = "deploy.finish"
"""Glob of the kinds of records that tell of a deploy that was done, where a norm names none."""


def parameter(norm: Norm, name: str, otherwise: str) -> str:
    """A parameter of a norm, or what stands for it where it has none."""
    return str((norm.model_extra or {}).get(name, otherwise))


def judged(norm: Norm) -> pl.Expr:
    """Whether a record is not from before the norm."""
    if norm.since is None:
        return pl.lit(value=True)
    return (pl.col("earliest") >= norm.since).fill_null(value=False)


def deploys(timeline: Timeline, kinds: str = FINISHED) -> pl.LazyFrame:
    """Records of deploys, columns of the timeline; ``kinds`` is a glob."""
    return timeline.events.filter(
        pl.col("kind").str.contains(glob(kinds)) & pl.col("attribute").is_null()
    )


def deployed(timeline: Timeline, attribute: str, kinds: str = FINISHED) -> pl.LazyFrame:
    """What records of deploys claim of an attribute, with a digest; columns of the timeline."""
    return (
        timeline.kind("claim")
        .filter((pl.col("attribute") == attribute) & pl.col("digest").is_not_null())
        .with_columns(pl.col("digest").str.to_lowercase())
        .join(deploys(timeline, kinds).select(RECORD).unique(), on=RECORD, how="semi")
    )


def rows_of(timeline: Timeline, table: str) -> pl.LazyFrame:
    """Claims of a table, whatever shows them: of a database, by its name, or of a source's table.

    Columns of the timeline, and ``table``, as coverage names it; null outside databases.
    """
    records = timeline.events.filter(named("pg:").is_not_null()).select(*RECORD, table=named("pg:"))
    own = (pl.col("table") == table) | pl.col("table").str.ends_with(f"/{table}")
    return (
        timeline.kind("claim")
        .join(
            records.filter(own).unique(RECORD, keep="first", maintain_order=True),
            on=RECORD,
            how="left",
        )
        .filter(pl.col("table").is_not_null() | (pl.col("source") == table))
    )


def keyed(frame: pl.LazyFrame, by: str | None) -> pl.LazyFrame:
    """With ``key``, which names the act: the subject, or the value of the attribute ``by``.

    As in a correspondence, a subject ``BY:…`` gives it as well. What names no act is left out.
    """
    if by is None:
        return frame.with_columns(key=pl.col("subject"))
    head = f"{by}:"
    key = (
        pl.when(pl.col("attribute") == by)
        .then("value")
        .when(pl.col("subject").str.starts_with(head))
        .then(pl.col("subject").str.slice(len(head)))
    )
    return frame.with_columns(key=key).filter(pl.col("key").is_not_null())


def acts(timeline: Timeline, by: str | None, kinds: str = FINISHED) -> pl.LazyFrame:
    """Deploys with the ``key`` of the act, each once: the first record of it."""
    records = deploys(timeline, kinds)
    if by is None:
        named_ = records.with_columns(key=pl.col("subject"))
    else:
        keys = keyed(timeline.events.join(records.select(RECORD), on=RECORD, how="semi"), by)
        named_ = records.join(keys.select(*RECORD, "key").unique(), on=RECORD)
    return named_.sort("earliest", "row", nulls_last=True).unique(
        ["source", "key"], keep="first", maintain_order=True
    )
