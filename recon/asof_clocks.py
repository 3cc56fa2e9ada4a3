"""The instant of the question as each clock shows it, beside the readings that it is held against.

A clock that is bounded against UTC (or a clock that the question names) shows the instant by its
bounds. Of any other it is not known: it is taken to be right within :data:`ROOM`. Where a record
of the subject begins or ends so near that its order to the instant is not known, what is said is
possible, and not certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from recon import schema
from recon.rules.base import Timeline
from recon.rules.buckets import version_key, version_name
from recon.time.moments import moments

ROOM = timedelta(hours=1)
"""By how much a clock may be off that nothing bounds; a tolerance of the case may widen it."""
KEY = ["subject", "attribute", "source"]
_OWN = ("from", "to", "at")


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, and what clocks showed at it."""

    at: datetime
    shown: pl.DataFrame
    """``clock``, ``at_from``, ``at_to``, ``at``, ``measured``; ``at`` is the likeliest."""

    @classmethod
    def of(cls, timeline: Timeline, at: datetime, clock: str | None = None) -> Instant:
        """As UTC has it, or a clock that is named."""
        names = timeline.events.select(pl.col("clock").drop_nulls().unique().sort()).collect()
        found = moments(timeline.clocks, names["clock"].to_list(), at, ROOM, clock)
        middle = pl.col("at_from") + (pl.col("at_to") - pl.col("at_from")) / 2
        at_ = pl.when("measured").then(middle).otherwise(pl.lit(at)).cast(schema.INSTANT)
        return cls(at, found.with_columns(at=at_))

    def beside(self, frame: pl.LazyFrame, clock: pl.Expr, name: str) -> pl.LazyFrame:
        """With ``NAME_from``, ``NAME_to``, ``NAME_at``, ``NAME_clock``, ``NAME_measured``.

        A reading without a clock is one of a clock that nothing bounds.
        """
        own = self.shown.rename(
            {"at_from": f"{name}_from", "at_to": f"{name}_to", "at": f"{name}_at"}
            | {"measured": f"{name}_measured", "clock": f"{name}_clock"}
        )
        room = {"from": -ROOM, "to": ROOM, "at": timedelta(0)}
        known = pl.col(f"{name}_measured").is_not_null()
        return (
            frame.with_columns(clock.alias(f"{name}_clock"))
            .join(own.lazy(), on=f"{name}_clock", how="left", maintain_order="left")
            .with_columns(
                pl.when(known)
                .then(f"{name}_{end}")
                .otherwise(pl.lit(self.at + room[end]).cast(schema.INSTANT))
                .alias(f"{name}_{end}")
                for end in _OWN
            )
            .with_columns(pl.col(f"{name}_measured").fill_null(value=False))
        )

    def upto(self) -> pl.Expr:
        """By ``source`` of a database: the latest that the clock of its commits may have shown."""
        ends = {
            clock.removeprefix("pg:").removesuffix("/commit"): end
            for clock, end in self.shown.select("clock", "at_to").iter_rows()
            if clock.startswith("pg:") and clock.endswith("/commit")
        }
        last = pl.lit(self.at + ROOM).cast(schema.INSTANT)
        if not ends:
            return last
        return pl.col("source").replace_strict(
            list(ends), list(ends.values()), default=last, return_dtype=schema.INSTANT
        )


def near(name: str, earliest: str, latest: str) -> pl.Expr:
    """Whether a reading's order to the instant is not known; ``name`` as of :meth:`beside`."""
    begins, ends = (
        pl.coalesce(one, other) for one, other in ((earliest, latest), (latest, earliest))
    )
    meets = (begins <= pl.col(f"{name}_to")) & (ends > pl.col(f"{name}_from"))
    open_ = pl.col(f"{name}_from").is_null() | pl.col(f"{name}_to").is_null()
    wide = pl.col(f"{name}_from") < pl.col(f"{name}_to")
    return (begins.is_not_null() & (open_ | (wide & meets))).fill_null(value=False)


def distance(name: str, earliest: str, latest: str) -> pl.Expr:
    """Of a reading: how far the clock would have to be off for its order to be another."""
    at = pl.col(f"{name}_at")
    away = pl.max_horizontal(pl.col(earliest) - at, at - pl.col(latest)).dt.total_microseconds()
    return pl.struct(
        margin=away.clip(0).cast(pl.Int64),
        clock=pl.col(f"{name}_clock"),
        measured=pl.col(f"{name}_measured"),
        near=near(name, earliest, latest),
    )


EXACT = "held at that very instant"
THEN = (
    ("store", "stored_from", "stored_to"),
    ("commit", "ended_from", "ended_to"),
    ("shot", "seen_from", "seen_to"),
    ("commit", "began", "began"),
)
"""What of a record is held against the instant: by which clock, from, to."""


def dated(judged: pl.LazyFrame, instant: Instant) -> pl.LazyFrame:
    """With the instant as each clock shows it that dates something of a record."""
    stamped = pl.when(pl.col("basis") == "stamped").then("clock")
    commits = pl.when(pl.col("table").is_not_null()).then(pl.format("pg:{}/commit", "source"))
    of_log = pl.coalesce("logged_clock", commits, stamped)
    judged = instant.beside(judged, pl.coalesce("logged_clock", "written_clock", stamped), "store")
    judged = instant.beside(judged, pl.col("shown_by"), "shot")
    judged = instant.beside(judged, of_log, "commit")
    return instant.beside(judged, pl.col("clock"), "own")


_DISTANCE = ("near", "margin", "clock")


def closest(frame: pl.LazyFrame, distances: Sequence[pl.Expr], name: str) -> pl.LazyFrame:
    """With the least sure of several :func:`distance` of a record; its margin is null if none is.

    Step by step, as an expression that holds itself several times is worked out as often.
    """
    frame = frame.with_columns(distances[0].alias(name))
    for one in distances[1:]:
        frame = frame.with_columns(one.alias("_other"))
        mine, other = (
            {part: pl.col(half).struct.field(part) for part in _DISTANCE}
            for half in (name, "_other")
        )
        first = (mine["clock"] <= other["clock"]).fill_null(mine["clock"].is_null())
        surer = (mine["margin"] < other["margin"]) | ((mine["margin"] == other["margin"]) & first)
        surer = (mine["near"] & ~other["near"]) | ((mine["near"] == other["near"]) & surer)
        keep = mine["margin"].is_not_null() & (other["margin"].is_null() | surer)
        frame = frame.with_columns(pl.when(keep).then(name).otherwise("_other").alias(name))
    return frame.drop("_other")


def nearest(rows: pl.LazyFrame, which: str) -> pl.LazyFrame:
    """By key the reading whose order to the instant is the least sure, and ``near``: if it is not.

    ``which``: the column of distances. ``margin``, ``clock``, ``measured``.
    """
    found = rows.select(*KEY, pl.col(which)).unnest(which).filter(pl.col("margin").is_not_null())
    return (
        found.with_columns(rank=pl.struct(~pl.col("near"), "margin", "clock"))
        .group_by(KEY)
        .agg(pl.col("near").any(), pl.col("margin", "clock", "measured").min_by("rank"))
    )


def doubt() -> pl.Expr:
    """Why an order to the instant is not known."""
    clock = pl.col("clock").fill_null("a clock that no record names")
    return (
        pl.when("measured")
        .then(pl.format("{} is not bounded closely enough to say whether before", clock))
        .otherwise(pl.format("nothing bounds {}, which may be that far off", clock))
    )


def told() -> dict[str, pl.Expr]:
    """What :func:`nearest` found, as an answer tells it."""
    return {
        "clock": pl.col("clock"),
        "margin_seconds": pl.col("margin") / 1_000_000,
        "measured": pl.col("measured"),
    }


def standing(
    timeline: Timeline, rows: pl.LazyFrame, instant: Instant | None = None
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Rows but those of an object over which a delete marker was put since, up to the instant.

    And ``row``, ``marked`` of those over which one was put about then.
    """
    none = pl.LazyFrame(schema={"row": pl.UInt64(), "marked": pl.Boolean()})
    markers = timeline.kind("object.delete").filter(pl.col("earliest").is_not_null())
    # The join below holds all rows in memory; most timelines have no marker.
    if not timeline.has("object.delete"):
        return rows, none
    close = pl.lit(value=False)
    if instant is not None:
        markers = instant.beside(markers, pl.col("clock"), "marker")
        close = near("marker", "earliest", "latest")
        before = pl.col("latest") <= pl.col("marker_at")
        markers = markers.filter(before | close)
        close &= ~before
    over = (
        rows.with_columns(version=version_name())
        .with_columns(key=version_key())
        .drop("version")
        .filter(pl.col("key").is_not_null())
        .join(
            markers.select("source", key="subject", marked="earliest", close=close),
            on=["source", "key"],
        )
        .filter(pl.col("marked") >= pl.col("latest"))
    )
    covered = over.filter(~pl.col("close")).select("row").unique()
    about = over.filter("close").select("row", marked=pl.lit(value=True)).unique()
    return rows.join(covered, on="row", how="anti"), about
