"""When clocks were watched: between two pairs that agree and are hours apart, not a night.

What two clocks were apart at a moment between two pairs is known only as far as a clock was not set
away and back in between: a machine that slept wakes with a clock that is hours behind, and is set
right within minutes. That no single step explains an order counts for a proof only where pairs that
bound both sides stand before and after the reading, within one measured offset (days that one
offset fits, drift allowed for, count as one), and no further from each other than :data:`WATCH`.
It does not matter whether midnight lies between them, nor how many pairs a day has.
"""

from __future__ import annotations

import polars as pl

from recon.time.offsets import measured
from recon.time.pairs import KEYS, PAIRS
from recon.time.segments import DRIFT

WATCH = 6 * 3_600_000_000
"""µs between two pairs at most: less than a night, in which machines sleep and nothing runs."""


def watched(offsets: pl.DataFrame, pairs: pl.LazyFrame, dissent: pl.DataFrame) -> pl.DataFrame:
    """Rows of OFFSETS, cut to when the two clocks were watched; ``pairs``: rows of PAIRS.

    What lies between two rows is watched like what lies in one, where one offset fits both.
    """
    rows = offsets.filter(measured()).sort(*KEYS, "since", "until").with_row_index("number")
    named = rows.lazy().select(
        pl.col(KEYS).cast(PAIRS["first"]), "number", begun="since", ended="until"
    )
    held = (
        pairs.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
        .join(dissent.lazy(), on=["before", "after", "law"], how="anti")
        .select(*KEYS, since="at")
        .unique()
        .sort("since")
        # Rows of two clocks follow each other; a join by clocks alone would be of all with all.
        .join_asof(
            named.sort("begun"),
            left_on="since",
            right_on="begun",
            by=KEYS,
            check_sortedness=False,
        )
        .filter(pl.col("since") <= pl.col("ended"))
        .select("number", "since")
        .collect()
        .sort("number", "since")
    )
    spans = (
        held.with_columns(until=pl.col("since").shift(-1), other=pl.col("number").shift(-1))
        .filter(pl.col("until") - pl.col("since") <= WATCH)
        .with_columns(
            whole=pl.col("number") == pl.col("other"),
            gap=pl.col("until") - pl.col("since"),
        )
    )
    parts = _within(rows, spans), _between(rows, spans)
    return pl.concat(part.select(offsets.columns) for part in parts)


def _within(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of one row that follow each other as one, with what the row says."""
    own = spans.filter("whole")
    before = {name: pl.col(name).shift(1) for name in ("number", "until")}
    begun = (pl.col("number") != before["number"]) | (pl.col("since") != before["until"])
    runs = (
        own.with_columns(run=begun.fill_null(value=True).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(pl.col("number", "since").first(), pl.col("until").last())
    )
    return rows.drop("since", "until")[runs["number"]].with_columns(runs["since"], runs["until"])


def _between(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Spans from one row to the next that one offset fits, as loose as the looser of them."""
    across = spans.filter(~pl.col("whole"))
    slack = (across["gap"] * DRIFT).ceil().cast(pl.Int64) + 1
    later = rows[across["other"]].select(pl.all().name.prefix("later_"))
    one = rows.drop("since", "until")[across["number"]]
    both = pl.concat([one, later], how="horizontal").with_columns(
        across["since"], across["until"], slack=slack
    )
    low = pl.max_horizontal("low", "later_low") - pl.col("slack")
    high = pl.min_horizontal("high", "later_high") + pl.col("slack")
    alike = pl.all_horizontal(pl.col(key) == pl.col(f"later_{key}") for key in KEYS)
    return (
        both.filter(alike & (low <= high))
        .with_columns(
            low=pl.min_horizontal("low", "later_low") - pl.col("slack"),
            high=pl.max_horizontal("high", "later_high") + pl.col("slack"),
        )
        .select(rows.columns)
    )
