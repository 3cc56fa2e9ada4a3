"""The one interval that a rule starts from, and how sure it is."""

from __future__ import annotations

import polars as pl

from recon.schema import INSTANT

BEST: dict[str, pl.DataType] = {
    "row": pl.UInt64(),
    "written_from": INSTANT,
    "written_to": INSTANT,
    "written_clock": pl.String(),
    "written_basis": pl.String(),
    "written_by": pl.UInt64(),
    "guess_from": INSTANT,
    "guess_to": INSTANT,
    "guess_clock": pl.String(),
    "guess_basis": pl.String(),
}
"""One row per row version. ``written_…``: by firm bases alone; ``written_by``: the event that
gives its end. ``guess_…``: the best estimate that has both ends."""

_EXACT = 2
"""Ranks up to this one say when the transaction itself committed."""


def best(found: pl.DataFrame) -> pl.DataFrame:
    """Rows of :data:`BEST` from rows of :data:`recon.written.WRITTEN`.

    The best of what dates the transaction itself; else what all firm bases allow. Where firm bases
    have no instant in common, one of them is wrong, and none is known not to be: then what covers
    all of them is the estimate.
    """
    apart = found.filter(pl.col("firm") & pl.col("disagrees")).select("row").unique()
    firm = (
        found.filter("firm")
        .join(apart, on="row", how="anti", maintain_order="left")
        .sort("row", "rank")
    )
    exact = (
        firm.filter(pl.col("rank") <= _EXACT)
        .unique("row", keep="first", maintain_order=True)
        .select(
            "row",
            written_from="earliest",
            written_to="latest",
            written_clock="clock",
            written_basis="basis",
            written_by="to_event",
        )
    )
    wide = (
        firm.join(exact.select("row"), on="row", how="anti", maintain_order="left")
        .group_by("row", maintain_order=True)
        .agg(
            written_from=pl.col("earliest").max(),
            written_to=pl.col("latest").min(),
            written_clock=pl.col("clock").first(),
            written_basis=pl.col("basis").first(),
            written_by=pl.coalesce(
                pl.col("to_event").filter(pl.col("latest") == pl.col("latest").min()).first(),
                pl.col("from_event").first(),
            ),
        )
    )
    guess = (
        found.filter(
            ~pl.col("firm") & pl.col("earliest").is_not_null() & pl.col("latest").is_not_null()
        )
        .sort("row", "rank")
        .unique("row", keep="first", maintain_order=True)
        .select(
            "row",
            guess_from="earliest",
            guess_to="latest",
            guess_clock="clock",
            guess_basis="basis",
        )
    )
    guess = pl.concat(
        [guess.join(apart, on="row", how="anti", maintain_order="left"), _covering(found)]
    )
    both = pl.concat([exact, wide]).join(guess, on="row", how="full", coalesce=True)
    return both.select(pl.col(name).cast(dtype) for name, dtype in BEST.items()).sort("row")


def _covering(found: pl.DataFrame) -> pl.DataFrame:
    """Of rows whose firm bases disagree: what covers those that do."""
    ends = [pl.col("earliest").min(), pl.col("latest").max()]
    return (
        found.filter(pl.col("firm") & pl.col("disagrees"))
        .sort("row", "rank")
        .group_by("row", maintain_order=True)
        .agg(*ends, pl.col("clock").first(), pl.col("basis").first())
        .filter(pl.col("earliest").is_not_null() & pl.col("latest").is_not_null())
        .select(
            "row",
            guess_from="earliest",
            guess_to="latest",
            guess_clock="clock",
            guess_basis="basis",
        )
    )
