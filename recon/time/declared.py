"""Two records of one act that the case declares: ``[[correspondence]]`` of ``case.toml``.

Whoever knows a pipeline knows which records of two sources are made by one act, and how late the
one can be after the other. That is taken as given: it bounds two clocks from both sides, and what
rests on it says so. Laws need no such thing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recon.names import named, plain
from recon.subjects import glob
from recon.time.pairs import CORRESPONDENCES, LATE

_SECOND = 1_000_000
_LONGEST = 366 * 86_400
"""Seconds; a correspondence with more room bounds nothing that is of use."""
_STRICT = ConfigDict(extra="forbid", frozen=True)
_RECORD = ["source", "item", "citation"]


class Side(BaseModel):
    """One of the two: a source's records of one kind, or of one table."""

    model_config = _STRICT

    source: str = Field(description="Id of a source.")
    kind: str | None = Field(None, description="Kind of the records, as `recon timeline` shows it.")
    table: str | None = Field(None, description="Table of the rows, with its schema.")
    clock: str | None = Field(
        None,
        description="Glob of the clock that is meant; else the one that stamped the record, or, "
        "where none did, the one that its writer put in.",
    )

    @model_validator(mode="after")
    def _one(self) -> Side:
        if (self.kind is None) == (self.table is None):
            raise ValueError("a kind or a table, and not both")
        return self

    @property
    def what(self) -> str:
        """Its kind or its table."""
        return self.kind or self.table or ""

    def __str__(self) -> str:
        """``SOURCE WHAT``."""
        return f"{self.source} {self.what}"


def seconds(value: object) -> tuple[float, float]:
    """``[least, most]`` in seconds, or one number for ± that.

    Raises:
        ValueError: it is neither, or more than a year.
    """
    both = (-value, value) if isinstance(value, int | float) else value
    if (
        not isinstance(both, Sequence)
        or len(both) != 2  # noqa: PLR2004  (least and most)
        or any(isinstance(one, bool) or not isinstance(one, int | float) for one in both)
        or not all(math.isfinite(one) and abs(one) <= _LONGEST for one in both)
        or both[0] > both[1]
    ):
        raise ValueError("seconds, or [least, most] in seconds, of a year at most")
    least, most = both
    return float(least), float(most)


class Correspondence(BaseModel):
    """``[[correspondence]]``: two records of one act, and how far apart they can have been made."""

    model_config = _STRICT

    first: Side = Field(description="One side.")
    second: Side = Field(description="The other.")
    within: tuple[float, float] = Field(
        description="Seconds by which the two records can lie apart, or [least, most] by which "
        "the second comes after the first."
    )
    by: str | None = Field(
        None,
        description="Attribute that names the act, such as a run id (or a subject `run:…`); "
        "else subject and digest.",
    )

    @field_validator("within", mode="before")
    @classmethod
    def _latency(cls, value: object) -> object:
        return seconds(value)

    @property
    def name(self) -> str:
        """What it is called where a pair of it is shown."""
        return f"one act in {self.first} and {self.second}"

    @property
    def sides(self) -> frozenset[tuple[str, str]]:
        """(source, kind or table) of either side."""
        return frozenset((one.source, one.what) for one in (self.first, self.second))


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared correspondence, and what was found of it."""

    correspondence: Correspondence
    pairs: int
    """Pairs of records of one act by two clocks; none is worth saying."""
    ambiguous: int
    """Acts that were left out, as one clock dates more than one record of them on a side."""


def match(
    events: pl.LazyFrame, declared: Sequence[Correspondence]
) -> tuple[list[Declared], pl.DataFrame]:
    """What was found of each, and the pairs as rows of ``CORRESPONDENCES``."""
    told: list[Declared] = []
    rows = [pl.DataFrame(schema=CORRESPONDENCES)]
    events = plain(events)
    for one in declared:
        first, second = (_records(events, side, one.by) for side in (one.first, one.second))
        clear, unclear = zip(*(_once(side) for side in (first, second)), strict=True)
        both = (
            clear[0]
            .join(clear[1], on="key", suffix="_second")
            .filter(
                (pl.col("row") != pl.col("row_second"))
                & (pl.col("clock") != pl.col("clock_second"))
            )
            .unique(["row", "row_second"])
            .sort("row", "row_second")
        )
        least, most = (round(bound * _SECOND) for bound in one.within)
        rows.append(
            both.select(
                before="row",
                after="row_second",
                least=pl.lit(least, dtype=pl.Int64),
                most=pl.lit(most, dtype=pl.Int64),
                name=pl.lit(one.name),
            )
        )
        told.append(Declared(one, len(both), len(set(unclear[0]) | set(unclear[1]))))
    return told, pl.concat(rows)


def _records(events: pl.LazyFrame, side: Side, by: str | None) -> pl.DataFrame:
    """``key``, ``row``, ``clock`` of a side's dated records, one for each reading that counts.

    A record is known by its place; what any of its events says of the act names it.
    """
    own = events.filter(pl.col("source") == side.source)
    table = named("pg:")
    means = (
        pl.col("kind") == side.kind
        if side.kind is not None
        else (table == side.table) | table.str.ends_with(f"/{side.table}")
    )
    places = own.filter(means).select(_RECORD).unique()
    own = own.join(places, on=_RECORD, how="semi")
    dated = pl.col("clock").is_not_null() & pl.col("earliest").is_not_null()
    stamped = (pl.col("basis") == "stamped") & ~pl.col("kind").is_in(LATE)
    wanted = pl.col("clock").str.contains(glob(side.clock or "*"))
    readings = (
        own.filter(dated & wanted)
        .select(*_RECORD, "row", "clock", "earliest", "latest", stamped=stamped)
        .sort("row")
        .unique([*_RECORD, "clock"], keep="first", maintain_order=True)
    )
    if side.clock is None:
        readings = readings.filter(pl.col("stamped") == pl.col("stamped").any().over(_RECORD))
    return (
        own.select(*_RECORD, key=_key(by))
        .filter(pl.col("key").is_not_null())
        .unique()
        .join(readings, on=_RECORD)
        # A record met in several snapshots is one record.
        .group_by("key", "clock", "earliest", "latest")
        .agg(pl.col("row").min())
        .sort("row", "key")
        .collect(engine="streaming")
    )


def _key(by: str | None) -> pl.Expr:
    if by is None:
        return pl.when(pl.col("digest").is_not_null()).then(pl.format("{} {}", "subject", "digest"))
    head = f"{by}:"
    return (
        pl.when(pl.col("attribute") == by)
        .then("value")
        .when(pl.col("subject").str.starts_with(head))
        .then(pl.col("subject").str.slice(len(head)))
    )


def _once(side: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Records whose act the clock dates once, and the acts of the others."""
    count = pl.len().over("key", "clock")
    return side.filter(count == 1), side.filter(count > 1)["key"].unique().to_list()
