"""The one frame of all bases, from the modules that know one of them each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.schema import INSTANT
from recon.written.brackets import brackets
from recon.written.captured import captured, own, shown
from recon.written.commits import commits, timestamps
from recon.written.dumped import dumped
from recon.written.histories import Histories, histories
from recon.written.hull import hull
from recon.written.items import items
from recon.written.points import checkpoints, points
from recon.written.rows import Placed, placed, row_versions
from recon.written.siblings import asserted, stamped
from recon.written.xids import ROUND

if TYPE_CHECKING:
    from recon.rules.base import Timeline

BASES = (
    "commit timestamp",
    "commit record",
    "checkpoints",
    "captures",
    "dumps",
    "number given out",
    "dated neighbours",
    "asserted neighbours",
)
"""Best first."""
FIRM = BASES[:4]
"""Those that are firm, but for what :func:`written` says."""

WRITTEN: dict[str, pl.DataType] = {
    "row": pl.UInt64(),
    "rank": pl.UInt8(),
    "basis": pl.String(),
    "firm": pl.Boolean(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "clock": pl.String(),
    "because": pl.String(),
    "from_event": pl.UInt64(),
    "to_event": pl.UInt64(),
    "disagrees": pl.Boolean(),
}
"""One row per row version (``row.version`` or ``row.dumped`` event, by ``row``) and basis.

``rank``: 1 is best. ``earliest`` and ``latest``: the transaction committed in between; null is an
open end. ``from_event``, ``to_event``: rows of the timeline that give the ends.
``disagrees``: the interval and a firm one of the same row have no instant in common.
"""
_ONE = [name for name in WRITTEN if name not in {"rank", "basis", "disagrees"}]


def written(timeline: Timeline) -> pl.DataFrame:
    """Rows of :data:`WRITTEN`, by row, rank and firmness.

    1. Row versions, the histories of their clusters, and points of the count of transactions.
    2. Each version's full number in each history that it may be of.
    3. What every basis says.
    4. Numbers that were given out twice make a basis an estimate.
    5. Which bases of a row have no instant in common.
    """
    versions = row_versions(timeline).collect(engine="streaming")
    counts = checkpoints(timeline)
    clusters = versions.select("source", "system").drop_nulls().unique()
    known = histories(timeline, clusters, counts)
    counted = points(timeline, counts, known)
    where = placed(timeline, versions, known, counted)
    whole = items(timeline)
    bases = _bases(timeline, versions, known, counted, where, whole)
    found = pl.concat(
        pl.DataFrame(schema=WRITTEN).select(_ONE).clear()
        if frame.is_empty()
        else frame.select(pl.col(name).cast(WRITTEN[name]) for name in _ONE)
        for frame in bases.values()
    )
    ranks = pl.concat(
        [pl.Series([], dtype=pl.UInt8)]
        + [
            pl.repeat(BASES.index(name) + 1, frame.height, dtype=pl.UInt8, eager=True)
            for name, frame in bases.items()
        ]
    )
    found = found.with_columns(rank=ranks)
    found = _doubted(found, where.rows, counted)
    names = pl.lit(pl.Series(BASES))
    return (
        _compared(found)
        .with_columns(basis=names.gather(pl.col("rank").cast(pl.UInt32) - 1))
        .select(list(WRITTEN))
        .sort("row", "rank", "firm", descending=[False, False, True])
    )


def _bases(  # noqa: PLR0913, PLR0917  (what every basis starts from)
    timeline: Timeline,
    versions: pl.DataFrame,
    known: Histories,
    counted: pl.DataFrame,
    where: Placed,
    whole: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    rows = where.rows
    held = own(versions, whole)
    first = shown(rows, held)
    certain = likely = brackets(rows, counted, first, held)
    if counted["doubted"].any():
        certain = brackets(rows, counted.filter(~pl.col("doubted")), first, held)
    return {
        "commit timestamp": timestamps(timeline, versions),
        "commit record": commits(timeline, versions, rows, known),
        "checkpoints": _checkpoints(certain),
        "captures": captured(rows, versions, whole, where.told),
        "dumps": dumped(timeline, versions, whole),
        "number given out": _given(likely),
        "dated neighbours": stamped(rows, versions),
        "asserted neighbours": asserted(timeline, rows, versions),
    }


def _checkpoints(bracketed: pl.DataFrame) -> pl.DataFrame:
    """After the last point that does not know the number yet, before one that knows it ended."""
    by_point = pl.col("after_time").is_not_null() | (pl.col("ended_what") != "row")
    return (
        _hull(bracketed, "ended")
        .join(bracketed.filter(by_point).select("row").unique(), on="row", how="semi")
        .with_columns(
            because=pl.concat_str(
                pl.lit("transaction "),
                pl.col("xid") % ROUND,
                pl.when(pl.col("earliest").is_not_null()).then(
                    pl.format(" had no number yet at the first time ({})", "after_what")
                ),
                pl.when(pl.col("earliest").is_not_null() & pl.col("latest").is_not_null()).then(
                    pl.lit(", and")
                ),
                pl.when(pl.col("latest").is_not_null() & (pl.col("ended_what") == "row")).then(
                    pl.lit(" had committed by the last one, when a capture showed its row")
                ),
                pl.when(pl.col("latest").is_not_null() & (pl.col("ended_what") != "row")).then(
                    pl.format(" had ended by the last one ({})", "ended_what")
                ),
                ignore_nulls=True,
            ),
            firm=pl.lit(True),
        )
    )


def _given(bracketed: pl.DataFrame) -> pl.DataFrame:
    """Between the points between which the number was given out, if that is less than the above."""
    doubted = pl.col("after_doubted").fill_null(False)
    tighter = doubted | (pl.col("given_time") < pl.col("ended_time")).fill_null(
        pl.col("ended_time").is_null()
    )
    ends = bracketed.filter(pl.col("given_time").is_not_null())
    return (
        _hull(ends, "given")
        .join(ends.filter(tighter).select("row").unique(), on="row", how="semi")
        .with_columns(
            because=pl.format(
                "transaction {} got its number before the {} of the last time; unless it was a "
                "long one, it had committed by about then{}",
                pl.col("xid") % ROUND,
                "given_what",
                pl.when(doubted)
                .then(
                    pl.lit(
                        "; the first time is of a timeline or cluster that this one seems to go "
                        "on from"
                    )
                )
                .otherwise(pl.lit("")),
            ),
            firm=pl.lit(False),
        )
    )


def _hull(ends: pl.DataFrame, upper: str) -> pl.DataFrame:
    return hull(
        ends.select(
            *("row", "sure", "xid", "after_what", "after_doubted"),
            f"{upper}_what",
            earliest="after_time",
            latest=f"{upper}_time",
            from_event="after_event",
            to_event=f"{upper}_event",
            clock=pl.coalesce("after_clock", "ended_clock"),
        )
    )


def _doubted(found: pl.DataFrame, rows: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Bases by number are estimates where the number was given out before, a round ago.

    A frozen row keeps its number, and may be of any round. It is of the last one if it is known to
    be younger than a point that knows the number's bearer of the round before ended.
    """
    twice = rows.filter(pl.col("xid") >= ROUND)
    if twice.is_empty():
        return found
    since = (
        found.filter(pl.col("rank").is_in([BASES.index("captures") + 1, BASES.index("dumps") + 1]))
        .group_by("row")
        .agg(since=pl.col("earliest").max())
    )
    ended = counted.filter(pl.col("running").is_not_null()).sort("running", "time_to")
    doubtful = (
        twice.with_columns(older=pl.col("xid") - ROUND + 1)
        .sort("older")
        .join_asof(
            ended.select("history", "running", gone="time_to"),
            left_on="older",
            right_on="running",
            by="history",
            strategy="forward",
            check_sortedness=False,
        )
        .join(since, on="row", how="left")
        .filter(~(pl.col("gone") <= pl.col("since")).fill_null(False))
        .select("row", doubtful=pl.lit(True))
        .unique()
    )
    by_number = ~pl.col("rank").is_in([BASES.index("captures") + 1, BASES.index("dumps") + 1])
    here = pl.col("doubtful").fill_null(False) & by_number
    return (
        found.join(doubtful, on="row", how="left", maintain_order="left")
        .with_columns(
            firm=pl.col("firm") & ~here,
            because=pl.when(here)
            .then(
                pl.format(
                    "{}; the number was given out a round of 2^32 earlier as well, and a frozen "
                    "row may be of then",
                    "because",
                )
            )
            .otherwise("because"),
        )
        .drop("doubtful")
    )


def _compared(found: pl.DataFrame) -> pl.DataFrame:
    firm = pl.col("firm")
    begins = pl.col("earliest").filter(firm).max().over("row")
    ends = pl.col("latest").filter(firm).min().over("row")
    apart = (begins > pl.col("latest")).fill_null(False) | (ends < pl.col("earliest")).fill_null(
        False
    )
    return found.with_columns(disagrees=apart)
