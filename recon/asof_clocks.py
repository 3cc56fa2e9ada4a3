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
from recon.time.moments import moments

ROOM = timedelta(hours=1)
"""By how much a clock may be off that nothing bounds; a tolerance of the case may widen it."""
_OWN = ("from", "to", "at")


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, and what clocks showed at it."""

    at: datetime
    shown: pl.DataFrame
    """``clock``, ``at_from``, ``at_to``, ``at``, ``measured``; ``at`` is the likeliest."""

    @classmethod
    def of(
        cls, timeline: Timeline, names: Sequence[str], at: datetime, clock: str | None = None
    ) -> Instant:
        """As UTC has it, or a clock that is named; ``names``: all clocks that date an event."""
        found = moments(timeline.clocks, names, at, ROOM, clock)
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

    def faces(self, clocks: Sequence[str]) -> pl.DataFrame:
        """What :meth:`beside` adds, of clocks by number: ``from``, ``to``, ``at``, ``measured``.

        And ``order``: the numbers in the order of what is the likeliest.
        """
        each = pl.LazyFrame({"name": [None, *clocks]}, schema={"name": pl.String()})
        return (
            self.beside(each, pl.col("name"), "x")
            .rename({f"x_{name}": name for name in (*_OWN, "measured")})
            .with_columns(order=pl.col("at").rank("dense").fill_null(0).cast(pl.UInt32))
            .collect()
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


_CLOCK, _MARGIN = 1 << 32, 1 << 64


def distance(name: str, clock: pl.Expr, earliest: str, latest: str) -> pl.Expr:
    """Of a reading: how far its clock would have to be off for its order to be another.

    One number, the least of which is the least sure: of whatever is near the instant, then the
    smallest margin, then the first clock. Null where nothing is read. See :func:`unpacked`.
    """
    at = pl.col(f"{name}_at")
    away = pl.max_horizontal(pl.col(earliest) - at, at - pl.col(latest)).dt.total_microseconds()
    # Three numbers as the digits of one.
    far = (~near(name, earliest, latest)).cast(pl.Int128) * whole(_MARGIN * _CLOCK)
    return far + away.clip(0).cast(pl.Int128) * whole(_CLOCK) + clock.cast(pl.Int128)


def unpacked(least: str, clocks: Sequence[str], faces: pl.DataFrame) -> dict[str, pl.Expr]:
    """``near``, ``margin`` (µs), ``clock``, ``measured`` of :func:`distance`."""
    number = (pl.col(least) & whole(_CLOCK - 1)).cast(pl.UInt32)
    names = pl.Series([None, *clocks], dtype=pl.String)
    return {
        "near": pl.col(least) < whole(_MARGIN * _CLOCK),
        "margin": (pl.col(least) // whole(_CLOCK) & whole(_MARGIN - 1)).cast(pl.Int64),
        "clock": pl.lit(names).gather(number),
        "measured": pl.lit(faces["measured"]).gather(number),
    }


def whole(number: int) -> pl.Expr:
    """A number that is larger than most."""
    return pl.lit(number, pl.Int128)


def doubt(when: str) -> pl.Expr:
    """Why an order to the instant is not known; ``when``: before the names of :func:`unpacked`."""
    clock = pl.col(f"{when}_clock").fill_null("a clock that no record names")
    return (
        pl.when(f"{when}_measured")
        .then(pl.format("{} is not bounded closely enough to say whether before", clock))
        .otherwise(pl.format("nothing bounds {}, which may be that far off", clock))
    )
