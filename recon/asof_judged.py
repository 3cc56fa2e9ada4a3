"""Every claim beside the instant: whether it was said then, whether it is said now, and how surely.

One pass over the claims, whose result holds what the two answers are chosen from and no more.
"""

from __future__ import annotations

import polars as pl

from recon import rowlog, schema
from recon.asof_clocks import (
    KEY,
    THEN,
    Instant,
    closest,
    dated,
    distance,
)
from recon.asof_exports import gone
from recon.asof_log import misnamed, quiet
from recon.names import named
from recon.rules.base import Timeline
from recon.rules.views import LOGGED, RECORD, snapshots

NAMES = "names"
"""Carried along only where a delete marker may have been put over what they name."""


def judged(timeline: Timeline, wanted: pl.LazyFrame, instant: Instant) -> pl.DataFrame:
    """Claims that are said then or now, or tell how sure it is.

    Columns: the key, ``row``, ``latest``, ``names`` (null where no delete marker is); ``case`` (how
    surely it was there, and why; null: it was not), ``newest`` (what of several counts), ``exact``
    and ``then`` (what of it is the nearest to the instant); ``said_now``, ``own_at`` and ``now``.
    """
    at = pl.lit(instant.at).cast(schema.INSTANT)
    states = _states(timeline).collect(engine="streaming").lazy()
    # Stamped as stored: by its row version, or by the claim's own clock.
    stored_to = pl.coalesce(
        "logged_to", "written_to", pl.when(pl.col("basis") == "stamped").then(pl.col("latest"))
    )
    stored_from = pl.coalesce(
        "logged_from",
        "written_from",
        pl.when(pl.col("basis") == "stamped").then(pl.col("earliest")),
    )
    claimed = wanted.with_columns(stored_from=stored_from, stored_to=stored_to).join(
        # Small, and read first: a streaming join holds the side that it cannot size.
        quiet(timeline, states, instant.upto()).collect(engine="streaming").lazy(),
        on=["source", "table", "seen_from", "seen_to"],
        how="left",
        nulls_equal=True,
    )
    misnamed_tables = misnamed(timeline, instant.upto()).collect(engine="streaming").lazy()
    claimed = claimed.join(misnamed_tables, on=["source", "table"], how="left")
    claimed = _logged(timeline, claimed, wanted, instant.upto())
    claimed = dated(claimed, instant)
    no_more = gone(timeline)
    claimed = claimed.join(no_more.lazy().drop("gone"), on="row", how="left")
    if no_more.height:
        claimed = instant.beside(claimed, pl.col("gone_by"), "end")
    else:
        claimed = claimed.with_columns(end_at=pl.lit(None, schema.INSTANT))
    # Of a clock that is bounded, and not exactly, no snapshot is of the very instant.
    exact = ~pl.col("shot_measured") | (pl.col("shot_from") == pl.col("shot_to"))
    exact &= (pl.col("read_from") == at) & (pl.col("read_to") == at)
    whole = timeline.coverage.filter(
        (pl.col("kind") == "claim") & (pl.col("earliest") == at) & (pl.col("latest") == at)
    ).select("source", "item", table="subject")
    seen = snapshots(timeline).select("source", "item", "seen_clock")
    whole = instant.beside(
        whole.join(seen, on=["source", "item"], how="left"), pl.col("seen_clock"), "x"
    )
    whole = whole.filter(~pl.col("x_measured") | (pl.col("x_from") == pl.col("x_to"))).select(
        "source", "table", whole=pl.lit(value=True)
    )
    claimed = claimed.join(whole.unique().collect().lazy(), on=["source", "table"], how="left")
    of_log, stored_at, seen_at = pl.col("commit_at"), pl.col("store_at"), pl.col("shot_at")
    logged = pl.col("version").is_in(LOGGED)
    still = pl.col("ended_from").is_null() | (pl.col("ended_from") > of_log)
    followed = (pl.col("followed_to") >= of_log) & (
        pl.col("blind_since").is_null() | (pl.col("blind_since") < pl.col("began"))
    )
    held_at = pl.col("seen_from") >= seen_at
    other_name = pl.col("stored_to") >= pl.col("misnamed_since")
    cases = (
        pl.when(exact)
        .then(pl.lit("3 held at that very instant"))
        .when(pl.col("whole"))
        .then(pl.lit(None))
        .when((pl.col("ended_to") <= of_log) & (~held_at).fill_null(True))
        .then(pl.lit(None))
        .when(pl.col("gone_to") <= pl.col("end_at"))
        .then(pl.lit(None))
        .when(pl.col("gone_to").is_not_null() & (pl.col("seen_to") <= seen_at))
        .then(pl.lit("2 held before; what was written up to then is not known"))
        .when(logged & (pl.col("began") <= of_log) & still & followed)
        .then(pl.lit("3 written before, and the log records no end of it up to then"))
        .when(logged & (pl.col("began") <= of_log))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged & (pl.col("stored_to") <= stored_at))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged)
        .then(pl.lit(None))
        .when((pl.col("stored_to") <= stored_at) & other_name & held_at)
        .then(pl.lit("1 stored before, in a table that may have had another name then"))
        .when((pl.col("stored_to") <= stored_at) & (held_at | pl.col("seen_to").is_null()))
        .then(pl.lit("3 stored before, and held after"))
        .when((pl.col("stored_to") <= stored_at) & pl.col("table").is_null())
        .then(pl.lit("3 stored before"))
        .when((pl.col("seen_to") <= seen_at) & pl.col("quiet"))
        .then(pl.lit("3 held before, and the log records no write to the table up to then"))
        .when((pl.col("seen_to") <= seen_at) & pl.col("untouched"))
        .then(pl.lit("3 held before, and the log records no change of that row up to then"))
        .when(pl.col("seen_to") <= seen_at)
        .then(pl.lit("2 held before; what was written up to then is not known"))
        .when(pl.col("stored_from") > stored_at)
        .then(pl.lit(None))
        .when(pl.col("stored_from") <= stored_at)
        .then(pl.lit("1 stored about then"))
        .when(pl.col("table").is_not_null())
        .then(pl.lit(None))
        .when(pl.col("earliest") <= pl.col("own_at"))
        .then(pl.lit("1 dated before by its writer; nothing stamps it"))
    )
    # Of what was there, the newest counts: by when it was stored, then by when it was seen.
    # When a table or log was taken that its writer dated says nothing of which line is newer.
    taken = pl.when(pl.col("table").is_not_null()).then("seen_to")
    newest = pl.coalesce("stored_to", "began", taken, "latest")
    newest = (
        pl.when(pl.col("seen_to") <= seen_at)
        .then(pl.max_horizontal(newest, "seen_to"))
        .otherwise(newest)
    )
    newest_of = _newest_states(timeline, states).lazy()
    claimed = claimed.join(newest_of, on=["source", "table"], how="left")
    in_table = pl.col("table").is_not_null() & pl.col("seen_to").is_not_null()
    # What the log alone shows was said in its time, and is no word of now.
    here = (
        pl.when(in_table)
        .then(pl.col("seen_to") == pl.col("newest_to"))
        .otherwise(~pl.col("version").is_in(LOGGED).fill_null(False))
    ) & pl.col("gone_to").is_null()
    early = pl.col("earliest").is_null() | (pl.col("earliest") <= pl.col("own_at"))
    markers = timeline.has("object.delete")
    claimed = claimed.with_columns(case=cases, newest=newest)
    every = closest(claimed, [distance(*one) for one in THEN], "then").select(
        *KEY,
        *("row", "latest", "case", "newest", "own_at", "then"),
        names=pl.col("names") if markers else pl.lit(None, pl.List(pl.String)),
        exact=exact.fill_null(value=False),
        said_now=(here & early).fill_null(value=False),
        now=pl.when(here).then(distance("own", "earliest", "latest")),
    )
    told = pl.col("case").is_not_null() | pl.col("said_now")
    told |= pl.col("then").struct.field("margin").is_not_null()
    told |= pl.col("now").struct.field("margin").is_not_null()
    return every.filter(told).collect(engine="streaming")


def _states(timeline: Timeline) -> pl.LazyFrame:
    """``source``, ``table``, ``seen_from``, ``seen_to``: the states of tables, as the log's clock.

    Of every item that has a row of the table.
    """
    rows = (
        timeline.kind("row.version", "row.dumped")
        .select("source", "item", table=named("pg:"))
        .unique()
        .collect(engine="streaming")
    )
    # A claim of a row names the table that its row does.
    elsewhere = ~pl.col("item").is_in(rows["item"].unique().implode())
    own = timeline.kind("claim").filter((pl.col("names").list.len() > 0) & elsewhere)
    own = own.select("source", "item", table=named("pg:")).filter(pl.col("table").is_not_null())
    return (
        pl.concat([rows.lazy(), own.unique()])
        .join(snapshots(timeline), on=["source", "item"])
        .select("source", "table", seen_from="at_from", seen_to="at_to")
        .unique()
    )


def _newest_states(timeline: Timeline, states: pl.LazyFrame) -> pl.DataFrame:
    """By table ``newest_to``, of its newest state; one without any row of it is one too."""
    whole = (
        timeline.coverage.filter(pl.col("kind") == "claim")
        .select("source", "item", table="subject")
        .join(snapshots(timeline), on=["source", "item"])
        .select("source", "table", seen_to="at_to")
    )
    return (
        pl.concat([states.select("source", "table", "seen_to"), whole])
        .group_by("source", "table")
        .agg(newest_to=pl.col("seen_to").max())
        .collect()
    )


def _logged(
    timeline: Timeline, claimed: pl.LazyFrame, wanted: pl.LazyFrame, at: pl.Expr
) -> pl.LazyFrame:
    """Claims with what the log tells of their rows; all null where it tells of none."""
    instants = ("began", "ended_from", "ended_to", "followed_to", "blind_since")
    if not rowlog.has_rows(timeline):
        nothing = {name: pl.lit(None, schema.INSTANT) for name in instants}
        return claimed.with_columns(**nothing, untouched=pl.lit(None, pl.Boolean))
    lives = rowlog.lives(timeline).collect(engine="streaming").lazy()
    claimed = claimed.join(lives, on=RECORD, how="left").with_columns(
        began=pl.coalesce("stored_to", "began")
    )
    claimed = rowlog.ended(timeline, claimed)
    key = ["source", "table", "subject", "seen_from", "seen_to"]
    still = rowlog.untouched(timeline, wanted, at).lazy()
    return claimed.join(
        rowlog.unnamed(timeline, at).lazy(), on=["source", "table"], how="left"
    ).join(still, on=key, how="left", nulls_equal=True)
