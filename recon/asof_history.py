"""The answers across instants, and the instants at which they change.

What a source said is asked for at each instant of a grid. Where only changes are wanted, the
instants to ask for are those at which some record of the subjects begins, ends or was taken; and
between two of them with different answers the change is sought by halving, to the second, as a
clock that is off moves it away from what the record reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

from recon import schema
from recon.asof import asof_frame
from recon.asof_records import KEY
from recon.errors import UsageError
from recon.rules.base import Timeline
from recon.subjects import glob

MOST = 2_000
"""Instants of one question."""
_IN_MEMORY = 2_000_000
"""Events that are held in memory rather than read anew for each instant."""
_SECOND = timedelta(seconds=1)
_SAID = [*KEY, "then_value"]


def history(
    timeline: Timeline,
    between: tuple[datetime, datetime],
    every: timedelta | None = None,
    subjects: Sequence[str] = (),
    clock: str | None = None,
) -> pl.DataFrame:
    """``instant`` and the columns of :func:`recon.asof.asof_frame`, sorted by them.

    Args:
        timeline: the case's timeline.
        between: first and last instant, aware UTC.
        every: the step of the grid, which begins at the first; None: all instants at which an
            answer may change, the first and the last.
        subjects: globs; all subjects where empty.
        clock: that showed the instants; else they are of UTC.

    Raises:
        UsageError: an empty stretch, or more than :data:`MOST` instants.
    """
    since, until = between
    if until < since:
        raise UsageError("an end that is not before the beginning", str(until), "--to")
    near = _near(timeline)
    instants = _grid(since, until, every) if every else _turns(near, since, until, subjects)
    if len(instants) > MOST:
        raise UsageError(
            f"at most {MOST} instants",
            f"{len(instants)}",
            "--every" if every else "--changes",
            "choose a longer step, a shorter stretch, or fewer subjects by --subject",
        )
    asked: dict[datetime, pl.DataFrame] = {}

    def answer(at: datetime) -> pl.DataFrame:
        if at not in asked:
            asked[at] = asof_frame(near, at, subjects, clock)
        return asked[at]

    for at in instants:
        answer(at)
    if every is None:
        for first, last in pairwise(instants):
            _halved(answer, first, last)
    frames = [
        frame.select(pl.lit(at).cast(schema.INSTANT).alias("instant"), pl.all())
        for at, frame in sorted(asked.items())
    ]
    return pl.concat(frames)


def changes(answers: pl.DataFrame) -> pl.DataFrame:
    """Of :func:`history`, the answers of the first instant, and those that differ in value later.

    An answer that is no more has a row with null for what was said then.
    """
    instants = answers["instant"].unique().sort()
    number = pl.col("instant").rank("dense").cast(pl.Int64).alias("number")
    numbered = answers.with_columns(number)
    # Each answer is asked for at every instant, also where nothing is said.
    whole = (
        numbered.select(KEY)
        .unique()
        .join(pl.DataFrame({"instant": instants}).with_columns(number), how="cross")
        .join(numbered, on=[*KEY, "instant", "number"], how="left")
        .sort(*KEY, "number")
    )
    before = pl.col("then_value").shift(1).over(KEY)
    now_before = pl.col("now_value").shift(1).over(KEY)
    first = pl.col("number") == 1
    moved = pl.col("then_value").ne_missing(before) | pl.col("now_value").ne_missing(now_before)
    said = pl.col("then_certainty").is_not_null() | pl.col("now_certainty").is_not_null()
    kept = whole.filter(pl.when(first).then(said).otherwise(moved))
    return kept.select(answers.columns).sort("instant", *KEY)


def _near(timeline: Timeline) -> Timeline:
    """The same, held in memory where it is small: each instant reads all of it."""
    if timeline.events.select(pl.len()).collect().item() > _IN_MEMORY:
        return timeline
    return replace(
        timeline,
        events=timeline.events.collect().lazy(),
        coverage=timeline.coverage.collect().lazy(),
    )


def _grid(since: datetime, until: datetime, every: timedelta) -> list[datetime]:
    if every < _SECOND:
        raise UsageError("a step of a second or more", str(every), "--every")
    count = (until - since) // every + 1
    # One more than is allowed is enough to refuse it.
    return [since + every * number for number in range(min(count, MOST + 1))]


def _turns(
    timeline: Timeline, since: datetime, until: datetime, subjects: Sequence[str]
) -> list[datetime]:
    """Readings within the stretch of what may change an answer about the subjects.

    Their own records, the states that were taken, acts on tables and objects that end rows.
    """
    own = pl.col("kind").is_in(["claim", "row.insert", "row.update", "row.delete", "row.before"])
    if subjects:
        own &= pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
    acts = pl.col("kind").is_in(["snapshot", "object.delete"])
    rows = pl.col("kind").is_in(["row.version", "row.dumped"])
    if subjects:
        rows &= pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
    found = timeline.events.filter(own | acts | rows).select("earliest", "latest")
    times = (
        pl.concat(
            [found.select(at=pl.col(name).dt.truncate("1s")) for name in ("earliest", "latest")]
        )
        .filter((pl.col("at") > since) & (pl.col("at") < until))
        .unique()
        .sort("at")
        .limit(MOST + 1)
        .collect()
    )
    # A record of a second is there from its end on.
    after = [at + _SECOND for at in times["at"].to_list() if at + _SECOND < until]
    return sorted({since, until, *times["at"].to_list(), *after})


def _halved(answer: Callable[[datetime], pl.DataFrame], first: datetime, last: datetime) -> None:
    """Ask in between two instants of different answers until they are a second apart."""
    while last - first > _SECOND:
        if answer(first).select(_SAID).equals(answer(last).select(_SAID)):
            return
        middle = first + timedelta(seconds=(last - first) // _SECOND // 2)
        if middle in {first, last}:
            return
        if answer(first).select(_SAID).equals(answer(middle).select(_SAID)):
            first = middle
        else:
            _halved(answer, middle, last)
            last = middle
