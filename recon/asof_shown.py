"""The states of an inquiry, and the delete markers put since, as an instant shows them."""

from __future__ import annotations

import polars as pl

from recon import rowlog, schema
from recon.asof_clocks import Instant, distance, near
from recon.asof_log import misnamed, quiet
from recon.asof_records import SPAN, Records
from recon.rules.base import Timeline
from recon.rules.views import snapshots

_TABLE = ["source", "table"]


def shown(timeline: Timeline, own: Records, instant: Instant, faces: pl.DataFrame) -> pl.DataFrame:
    """Of each state what an instant makes of it, in their order.

    ``exact``: it was read at that very instant; ``whole``: another one of its table was, which
    holds all of it; ``held``: it was read since; ``before``: up to then; ``undated``; ``tabled``:
    whether it is of a table; ``quiet``: no write to the table up to then; ``misnamed_since``,
    ``blind_since``; ``distance``: :func:`recon.asof_clocks.distance` of its reading.
    """
    at = pl.lit(instant.at).cast(schema.INSTANT)
    span = ["source", "table", "seen_from", "seen_to"]
    upto = instant.upto()
    blind = pl.DataFrame(
        schema={"source": pl.String(), "table": pl.String(), "blind_since": schema.INSTANT}
    )
    if own.alive:
        blind = rowlog.unnamed(timeline, upto)
    # Of a clock that is bounded, and not exactly, no snapshot is of the very instant.
    exact = ~pl.col("shot_measured") | (pl.col("shot_from") == pl.col("shot_to"))
    exact &= (pl.col("read_from") == at) & (pl.col("read_to") == at)
    held, before = pl.col("seen_from") >= pl.col("shot_at"), pl.col("seen_to") <= pl.col("shot_at")
    beside = [
        (_whole(timeline, instant), _TABLE, False),
        (misnamed(timeline, upto).collect(), _TABLE, False),
        (quiet(timeline, own.tables.lazy(), upto).collect(engine="streaming"), span, True),
        (blind, _TABLE, False),
    ]
    states = own.states.with_columns(
        pl.lit(faces[name]).gather("shot").alias(f"shot_{name}") for name in faces.columns[1:]
    )
    for one, on, nulls in beside:
        states = states.join(one, on=on, how="left", nulls_equal=nulls, maintain_order="left")
    return states.select(
        *("seen_to", "misnamed_since", "blind_since"),
        exact=exact.fill_null(value=False),
        whole=pl.col("whole").fill_null(value=False),
        held=held,
        before=before,
        quiet=pl.col("quiet").fill_null(value=False),
        tabled=pl.col("table").is_not_null(),
        distance=distance("shot", pl.col("shot"), "seen_from", "seen_to"),
    )


def _whole(timeline: Timeline, instant: Instant) -> pl.DataFrame:
    """``source``, ``table``, ``whole`` of what a state of the very instant holds all of."""
    at = pl.lit(instant.at).cast(schema.INSTANT)
    found = timeline.coverage.filter(
        (pl.col("kind") == "claim") & (pl.col("earliest") == at) & (pl.col("latest") == at)
    ).select("source", "item", table="subject")
    seen = snapshots(timeline).select("source", "item", "seen_clock")
    found = instant.beside(
        found.join(seen, on=["source", "item"], how="left"), pl.col("seen_clock"), "x"
    )
    exact = ~pl.col("x_measured") | (pl.col("x_from") == pl.col("x_to"))
    return found.filter(exact).select(*_TABLE, whole=pl.lit(value=True)).unique().collect()


def untouched(timeline: Timeline, own: Records, instant: Instant) -> pl.DataFrame:
    """``about`` (of :attr:`Records.spans`), ``untouched``: the log shows no change up to then."""
    found = rowlog.untouched(timeline, own.spans.lazy(), instant.upto())
    return own.spans.join(found, on=SPAN, nulls_equal=True).select("about", "untouched")


def covered(own: Records, instant: Instant | None = None) -> tuple[pl.Series, pl.Series]:
    """Rows of what a delete marker was put over since, up to the instant; and about then."""
    markers, close = own.over.lazy(), pl.lit(value=False)
    if instant is not None:
        markers = instant.beside(markers, pl.col("clock"), "marker")
        close = near("marker", "earliest", "latest")
        before = pl.col("latest") <= pl.col("marker_at")
        markers = markers.filter(before | close)
        close &= ~before
    found = markers.select("row", close=close).collect()
    return found.filter(~pl.col("close"))["row"].unique(), found.filter("close")["row"].unique()
