"""What the clocks of a case showed at an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from recon.readings import TRUE_TIME
from recon.schema import INSTANT
from recon.time.between import AS_READ, MEASURED, ONE
from recon.time.consensus import OPEN, consensus
from recon.time.corrected import Corrected

SHOWN: dict[str, pl.DataType] = {
    "clock": pl.String(),
    "at_from": INSTANT,
    "at_to": INSTANT,
    "measured": pl.Boolean(),
}
"""One row for each clock: at the instant it showed a time of this interval. ``measured``: the
evidence bounds it; else it is taken to be right within so much. Null: not bounded."""


def moments(
    corrected: Corrected,
    clocks: Sequence[str],
    at: datetime,
    room: timedelta,
    reference: str | None = None,
) -> pl.DataFrame:
    """Rows of :data:`SHOWN`.

    Args:
        corrected: what is known of the clocks.
        clocks: by name.
        at: aware UTC; as ``reference`` shows it, if one is given.
        room: by how much a clock may be off that nothing bounds against the reference.
        reference: a clock; else UTC.

    A clock that is bounded against UTC (or the reference) shows it by its bounds. Else it is
    taken to be right within ``room`` or its tolerance; and where clocks are measured against
    each other and cannot all be, within what most of them say, or, where these are not more
    than half, within what any of them says.
    """
    known = reference or TRUE_TIME
    wide = {one: max(corrected.allowed(one), room // timedelta(microseconds=1)) for one in clocks}
    rows = []
    moment = int(pl.Series([at], dtype=INSTANT).dt.epoch("us")[0])
    for clock in sorted(clocks):
        low, high, basis = _beside(corrected, known, clock, moment)
        is_measured = basis in {ONE, MEASURED}
        own = 0 if clock == known else corrected.allowed(clock)
        if not is_measured and reference is None:
            low, high = _most_say(corrected, clock, clocks, moment, wide)
        elif not is_measured:
            low, high = low - wide[clock], high + wide[clock]
        else:
            low, high = low - own, high + own
        ends = (moment + end if abs(end) < OPEN // 2 else None for end in (low, high))
        rows.append((clock, *ends, is_measured))
    schema = {one: pl.Int64() if kind == INSTANT else kind for one, kind in SHOWN.items()}
    return pl.DataFrame(rows, schema=schema, orient="row").cast(SHOWN)  # type: ignore[arg-type]


def _beside(corrected: Corrected, tail: str, head: str, moment: int) -> tuple[int, int, int]:
    """Low, high of D(head) − D(tail) as the tail reads a moment, and the number of the basis."""
    import numpy as np

    axis = corrected.between.firm.axis
    # The other clock shows the moment by its own distance.
    there = moment + axis.get(head, 0) - axis.get(tail, 0)
    first, second = (
        (np.array([corrected.numbers.get(one, -1)]), np.array([at], dtype=np.int64))
        for one, at in ((tail, moment), (head, there))
    )
    low, high, basis = corrected.between.bound(first, second, np.array([tail == head]))
    return int(low[0]), int(high[0]), int(basis[0])


def _most_say(
    corrected: Corrected,
    clock: str,
    clocks: Sequence[str],
    moment: int,
    wide: Mapping[str, int],
) -> tuple[int, int]:
    """Low and high of what a clock is ahead of UTC, as it and those measured against it say."""
    import numpy as np

    said = [(-wide[clock], wide[clock])]
    for other in clocks:
        low, high, basis = _beside(corrected, other, clock, moment)
        if other != clock and basis != AS_READ:
            said.append((low - wide[other], high + wide[other]))
    lows, highs = (np.array(one, dtype=np.int64) for one in zip(*said, strict=True))
    agreed = consensus(lows, highs)
    if agreed.clear and agreed.agreeing * 2 > len(said):
        return agreed.low, agreed.high
    return int(lows.min()), int(highs.max())
