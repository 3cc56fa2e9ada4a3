"""The answers across instants, and the instants at which they change.

What a source said is asked for at each instant of a grid. Where only changes are wanted, the
instants to ask for are those at which some record of the subjects begins, ends or was taken; and
between two of them with different answers the change is sought by halving, to the second, as a
clock that is off moves it away from what the record reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter

import polars as pl

from recon import schema
from recon.asof import said, worded
from recon.asof_records import Records, records
from recon.errors import UsageError
from recon.rowlog import WRITTEN
from recon.rules.base import Timeline
from recon.subjects import glob

MOST = 2_000
"""Instants of one question."""
MOST_ANSWERS = 5_000_000
"""Answers of one question; where only changes are wanted, there is no such end."""
_IN_MEMORY = 2_000_000
"""Events that are held in memory rather than read anew for each instant."""
_SECOND = timedelta(seconds=1)


def history(  # noqa: PLR0913  (one question, each argument a part of it)
    timeline: Timeline,
    between: tuple[datetime, datetime],
    every: timedelta | None = None,
    subjects: Sequence[str] = (),
    clock: str | None = None,
    *,
    changes: bool = False,
) -> pl.DataFrame:
    """``instant`` and the columns of :func:`recon.asof.asof_frame`, sorted by them.

    Args:
        timeline: the case's timeline.
        between: first and last instant, aware UTC.
        every: the step of the grid, which begins at the first; None: all instants at which an
            answer may change, the first and the last.
        subjects: globs; all subjects where empty.
        clock: that showed the instants; else they are of UTC.
        changes: only the answers of the first instant, and those that differ in value later. An
            answer that is no more has a row with null for what was said then.

    Raises:
        UsageError: an empty stretch, more than :data:`MOST` instants or, but for changes, than
            :data:`MOST_ANSWERS` answers.
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
    own = records(near, subjects)
    values = _values(near, own)
    acts = _acts(near)

    def answer(at: datetime) -> pl.DataFrame:
        found = said(acts, own, at, clock)
        for when in ("then", "now"):
            named = values.rename({"row": f"{when}_row", "said": f"{when}_said"})
            found = found.join(named, on=f"{when}_row", how="left")
        return found.sort("key")

    frames, total, before = [], 0, None
    for at, found in _in_order(answer, instants, halve=every is None):
        kept = _moved(before, found) if changes else found
        before, total = found, total + len(kept)
        if total > MOST_ANSWERS and not changes:
            raise UsageError(
                f"at most {MOST_ANSWERS} answers",
                "more",
                "--from, --to",
                "add --changes, or choose a longer step or fewer subjects by --subject",
            )
        frames.append(kept.select(pl.lit(at).cast(schema.INSTANT).alias("instant"), pl.all()))
    return worded(near, pl.concat(frames))


def _in_order(
    answer: Callable[[datetime], pl.DataFrame], instants: Sequence[datetime], *, halve: bool
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """Instants and their answers; and of those asked for in between, if changes are sought."""
    first, held = instants[0], answer(instants[0])
    yield first, held
    for last in instants[1:]:
        asked = {first: held, last: answer(last)}
        if halve:
            _halved(asked, answer, first, last)
        del asked[first]
        yield from sorted(asked.items(), key=itemgetter(0))
        first, held = last, asked[last]


def _moved(before: pl.DataFrame | None, found: pl.DataFrame) -> pl.DataFrame:
    """Answers whose values are others than before; of what is said no more the key alone."""
    if before is None:
        return found
    was = before.select("key", was="row", then_was="then_said", now_was="now_said")
    both = was.join(found, on="key", how="full", coalesce=True)
    moved = pl.any_horizontal(
        pl.col(f"{when}_said").ne_missing(pl.col(f"{when}_was")) for when in ("then", "now")
    )
    kept = both.filter(moved).with_columns(row=pl.coalesce("row", "was"))
    return kept.select(found.columns)


def _values(timeline: Timeline, own: Records) -> pl.DataFrame:
    """``row``, ``said``: a number for the value of each claim, equal where the values are."""
    value = pl.col("value").cast(pl.Categorical(pl.Categories.random())).to_physical()
    return (
        timeline.kind("claim")
        .select("row", said=value)
        .join(own.rows.select(pl.col("row").unique()).lazy(), on="row", how="semi")
        .collect(engine="streaming")
    )


def _acts(timeline: Timeline) -> Timeline:
    """The same with those events alone that each instant is held against, in memory."""
    # What is known of the clocks and of kinds rests on all events.
    _ = timeline.clocks, timeline.stamping, timeline.kinds
    of_table = pl.col("kind").str.starts_with("table.")
    wanted = timeline.events.filter(of_table | pl.col("kind").is_in(["snapshot", *WRITTEN]))
    # In one piece: the streaming engine of Polars 2.1 fails on words of pieces left empty.
    return replace(timeline, events=wanted.collect(engine="streaming").rechunk().lazy())


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


def _halved(
    asked: dict[datetime, pl.DataFrame],
    answer: Callable[[datetime], pl.DataFrame],
    first: datetime,
    last: datetime,
) -> None:
    """Ask in between two instants of different answers until they are a second apart."""
    while last - first > _SECOND:
        if _same(asked[first], asked[last]):
            return
        middle = first + timedelta(seconds=(last - first) // _SECOND // 2)
        if middle in {first, last}:
            return
        if middle not in asked:
            asked[middle] = answer(middle)
        if _same(asked[first], asked[middle]):
            first = middle
        else:
            _halved(asked, answer, middle, last)
            last = middle


def _same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.select("key", "then_said").equals(other.select("key", "then_said"))
