"""Which sources speak of which fact, whole columns at a time.

A fact is one attribute of one subject. Sources are bits of a mask, so that ten million claims
become a few rows: one for each attribute and set of sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from recon.subjects import glob
from recon.witnesses.principals import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.witnesses.domains import Principals

_BITS = 63
"""Sources of one mask: one bit is left, so that the number stays positive wherever it is read."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Facts of one attribute of which the same sources speak."""

    attribute: str
    sources: tuple[str, ...]
    facts: int
    own: int
    """Of them, those with a record whose actor could write the source that holds it."""
    example: str
    """The first of their subjects."""


def spoken(
    events: pl.LazyFrame,
    sources: Sequence[str],
    writers: Mapping[str, Principals],
    subjects: Sequence[str] = (),
) -> list[Spoken]:
    """Every fact of the claims, by attribute and by who speaks of it.

    Args:
        events: :data:`recon.schema.EVENTS`.
        sources: ids, of which each gets a bit.
        writers: by source who could write it.
        subjects: globs; all if none.
    """
    names = sorted(sources)
    claims = events.filter((pl.col("kind") == "claim") & pl.col("attribute").is_not_null())
    if subjects:
        claims = claims.filter(
            pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
        )
    masks = [f"mask{place}" for place in range((len(names) + _BITS - 1) // _BITS)]
    bits = {
        mask: {name: 1 << bit for bit, name in enumerate(names[at * _BITS : (at + 1) * _BITS])}
        for at, mask in enumerate(masks)
    }
    found = (
        claims.select(
            "subject",
            "attribute",
            own=_own(writers),
            **{
                mask: pl.col("source").replace_strict(values, default=0, return_dtype=pl.UInt64)
                for mask, values in bits.items()
            },
        )
        .group_by("subject", "attribute")
        .agg(pl.col("own").any(), *(pl.col(mask).bitwise_or() for mask in masks))
        .group_by("attribute", *masks)
        .agg(facts=pl.len(), own=pl.col("own").sum(), example=pl.col("subject").min())
        .sort("attribute", *masks)
        .collect(engine="streaming")
    )
    return [
        Spoken(
            row["attribute"],
            tuple(name for mask in masks for name, bit in bits[mask].items() if row[mask] & bit),
            row["facts"],
            row["own"],
            row["example"],
        )
        for row in found.iter_rows(named=True)
    ]


def _own(writers: Mapping[str, Principals]) -> pl.Expr:
    """Whether a record's actor could write the source that holds it."""
    each: dict[tuple[str, ...], list[str]] = {}
    for source, one in writers.items():
        if one.known:
            each.setdefault(tuple(sorted(one.known)), []).append(source)
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            pl.col("source").is_in(those) & pl.col("actor").is_in(names).fill_null(value=False)
            for names, those in each.items()
        ),
    )


def about(events: pl.LazyFrame, held: Mapping[str, frozenset[str]]) -> dict[str, dict[str, int]]:
    """By system: how many events each source has about it, its own holder included."""
    if not held:
        return {}
    found = (
        events.filter(pl.col("kind") != "snapshot")
        .select("source", system=pl.col("subject").str.extract(SYSTEM))
        .group_by("source", "system")
        .len()
        .filter(pl.col("system").is_in(list(held)))
        .sort("system", "source")
        .collect(engine="streaming")
    )
    out: dict[str, dict[str, int]] = {}
    for source, system, count in found.iter_rows():
        out.setdefault(system, {})[source] = count
    return out
