"""Which keys a claim selects, and of which subject they speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon import subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.options import S3Claim


def matches(claim: S3Claim) -> pl.Expr:
    """Whether the column ``key`` is one that the claim speaks of."""
    return pl.col("key").str.contains(subjects.pattern(claim.key))


def subject(claim: S3Claim) -> pl.Expr:
    """The claim's subject, made from the column ``key``; null where the key does not match."""
    names = subjects.fields(claim.key)
    made = pl.lit(claim.subject)
    if names:
        groups = pl.col("key").str.extract_groups(subjects.pattern(claim.key)).struct
        made = subjects.fill(claim.subject, {name: groups.field(name) for name in names})
    return pl.when(matches(claim)).then(made)


def any_of(claims: Sequence[S3Claim]) -> pl.Expr:
    """Whether any claim speaks of the column ``key``."""
    return pl.any_horizontal([pl.lit(False), *(matches(claim) for claim in claims)])


def selected(versions: pl.DataFrame, head: str, claims: Sequence[S3Claim]) -> list[tuple[str, str]]:
    """(key, version id) of the versions of a page to ask for checksums."""
    if head == "none":
        return []
    wanted = versions.filter(pl.col("kind") == "object.put").drop_nulls(["key", "version"])
    if head == "claims":
        wanted = wanted.filter(any_of(claims))
    return list(wanted.select("key", "version").iter_rows())
