"""Whatever the transactions did, every firm interval holds the time of the commit.

A history is made up: transactions that overlap, a restore, checkpoints, captures, dumps, and a log
of which records are lost. What a server would note is derived from it, and nothing else is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recon.rules import Timeline
from recon.written import written
from tests.stories import GOOD, Story

START = datetime(2026, 3, 8, tzinfo=UTC)
FIRST = 700
END = 1000
"""Seconds; transactions begin before it."""


@dataclass(frozen=True)
class Transaction:
    """By the line that it was on; times in seconds, to the ms."""

    line: int
    xid: int
    begun: float
    ended: float
    name: str


@dataclass
class World:
    """What happened."""

    spans: list[tuple[float, float]]
    """Of the transactions: beginning and length."""
    restore: tuple[float, float] | None
    """The moment that was gone back to, and when."""
    transactions: list[Transaction] = field(default_factory=list)

    def __post_init__(self) -> None:
        split = self.restore[1] if self.restore else float("inf")
        spans = sorted(self.spans)
        self._number(1, FIRST, [span for span in spans if span[0] < split])
        if self.restore:
            first = self.next_xid(1, self.restore[0])
            self._number(2, first, [span for span in spans if span[0] >= split])

    def _number(self, line: int, first: int, spans: list[tuple[float, float]]) -> None:
        for xid, (begun, length) in enumerate(spans, first):
            self.transactions.append(Transaction(line, xid, begun, begun + length, f"t{xid}"))

    def line(self, time: float) -> int:
        return 2 if self.restore and time >= self.restore[1] else 1

    def alive(self, line: int, time: float) -> list[Transaction]:
        """Transactions that the state on a line at a time knows of."""
        return [
            one
            for one in self.transactions
            if (one.line == line and one.begun <= time and not self.cut(one))
            or (line == 2 and one.line == 1 and self.restore and one.ended < self.restore[0])
        ]

    def cut(self, one: Transaction) -> bool:
        """Whether the restore came before it committed: the first cluster was stopped then."""
        return bool(self.restore and one.line == 1 and one.ended >= self.restore[1])

    def next_xid(self, line: int, time: float) -> int:
        begun = [one.xid for one in self.transactions if one.line == line and one.begun <= time]
        if line == 2 and not begun:
            assert self.restore
            return self.next_xid(1, self.restore[0])
        return max(begun, default=FIRST - 1) + 1

    def running(self, line: int, time: float) -> int:
        open_now = [
            one.xid
            for one in self.transactions
            if one.line == line and one.begun <= time < one.ended
        ]
        return min([*open_now, self.next_xid(line, time)])

    def rows(self, time: float) -> list[Transaction]:
        return [one for one in self.alive(self.line(time), time) if one.ended <= time]


def lsn(world: World, line: int, time: float) -> int:
    """The log grows with time, and goes on from where the restore went back to."""
    if line == 1 or world.restore is None:
        return 16 + int(time * 1000)
    back, now = world.restore
    return 16 + int((back + time - now) * 1000)


def text(seconds: float) -> datetime:
    return START + timedelta(milliseconds=round(seconds * 1000))


moments = st.integers(0, END * 1000).map(lambda ms: ms / 1000)
lengths = st.one_of(st.integers(1, 5_000), st.integers(1, 900_000)).map(lambda ms: ms / 1000)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    spans = draw(
        st.lists(st.tuples(moments, lengths), min_size=1, max_size=12, unique_by=lambda one: one[0])
    )
    restore = None
    if draw(st.booleans()):
        back, now = sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True)))
        restore = (back, now)
    return World(spans, restore)


@dataclass(frozen=True)
class Told:
    """What of it is told."""

    checkpoints: list[tuple[float, bool]]
    """When, and whether the oldest running transaction is told."""
    captures: list[tuple[float, bool, bool]]
    """When, whether the timeline is told, and whether the count is."""
    dumps: list[float]
    lost: set[tuple[int, int]]
    """Which COMMIT records are lost, by timeline and number."""
    forks: bool
    """Whether the file that tells the fork is there."""


tolds = st.builds(
    Told,
    st.lists(st.tuples(moments, st.booleans()), max_size=8),
    st.lists(st.tuples(moments, st.booleans(), st.booleans()), min_size=1, max_size=4).map(
        lambda some: [*some, (2.0 * END, True, True)]
    ),
    st.lists(moments, max_size=3),
    st.sets(st.tuples(st.integers(1, 2), st.integers(FIRST, FIRST + 6)), max_size=8),
    st.booleans(),
)


def timeline(world: World, told: Told) -> tuple[Timeline, dict[int, float]]:
    """The timeline, and by row of it when it was written."""
    story = Story()
    if world.restore and told.forks:
        story.forked(1, 2, lsn(world, 1, world.restore[0]))
    for one in world.transactions:
        if (one.line, one.xid) not in told.lost and not world.cut(one):
            story.on(one.line, lsn=lsn(world, one.line, one.ended) - 16)
            story.commit("00:00", one.xid)
            story.rows[-1] |= {"earliest": text(one.ended), "latest": text(one.ended)}
    for time, says in told.checkpoints:
        line = world.line(time)
        story.on(line, lsn=lsn(world, line, time) - 16)
        running = world.running(line, time) if says else 0
        story.checkpoint("00:00", world.next_xid(line, time), running)
        # The clock is read just before the count is.
        second = text(max(0, time - 0.2)).replace(microsecond=0)
        story.rows[-1] |= {"earliest": second, "latest": second.replace(microsecond=999_999)}
    truth: dict[int, float] = {}
    for time in told.dumps:
        first = len(story.rows)
        story.snapshot("00:00", **{one.name: GOOD for one in world.rows(time)})
        _date(story, first, text(time), text(time))
    for time, knows, counts in told.captures:
        line = world.line(time)
        story.on(line)
        rows = world.rows(time)
        count = (world.running(line, time), world.next_xid(line, time)) if counts else None
        first = len(story.rows)
        story.capture(
            "00:00", *((one.name, GOOD, None, None, one.xid) for one in rows),
            count=count, told=knows,
        )  # fmt: skip
        _date(story, first, text(time), text(time + 0.1))
        versions = [
            number
            for number, row in enumerate(story.rows[first:], first)
            if row["kind"] == "row.version"
        ]
        truth |= {row: one.ended for row, one in zip(versions, rows, strict=True)}
    return story.timeline(), truth


def _date(story: Story, first: int, earliest: datetime, latest: datetime) -> None:
    for row in story.rows[first:]:
        if row["kind"] == "snapshot":
            row |= {"earliest": earliest, "latest": latest}
    story.covered[-1] |= {"earliest": earliest, "latest": latest}


@given(world=worlds(), told=tolds)
def test_the_commit_lies_inside_every_firm_interval(world: World, told: Told):
    events, truth = timeline(world, told)
    found = written(events).filter("firm")
    for one in found.iter_rows(named=True):
        if one["row"] not in truth:
            continue
        committed = text(truth[one["row"]])
        assert one["earliest"] is None or one["earliest"] <= committed, one
        assert one["latest"] is None or committed <= one["latest"], one
    assert not found["disagrees"].any()


@settings(max_examples=20, deadline=None)
@given(world=worlds(), told=tolds, order=st.randoms(use_true_random=False))
@example(
    # Two histories that a row may be of, with one interval.
    world=World(
        spans=[
            *((0.0, 0.001), (0.118, 0.182), (0.328, 1.295), (0.374, 0.001), (1.316, 0.001)),
            *((4.156, 5.086), (9.531, 0.001), (10.22, 0.001), (12.546, 0.001), (15.005, 0.001)),
            *((33.758, 0.001), (101.064, 0.001)),
        ],
        restore=(3.271, 8.309),
    ),
    told=Told(
        checkpoints=[(0.0, False)] * 4 + [(0.422, False), (24.105, False)],
        captures=[
            (101.065, False, False),
            (0.35, False, False),
            (0.3, False, False),
            (2000.0, True, True),
        ],
        dumps=[],
        lost=set(),
        forks=False,
    ),
    order=Random(1),  # noqa: S311  (one shuffle, the same each time)
)
def test_the_order_of_events_changes_nothing(world: World, told: Told, order: Random):
    events, _ = timeline(world, told)
    rows = events.events.collect()
    shuffled = list(range(rows.height))
    order.shuffle(shuffled)
    again = Timeline(rows[shuffled].lazy(), events.coverage)
    assert written(again).equals(written(events))


@settings(max_examples=20, deadline=None)
@given(world=worlds(), told=tolds)
def test_where_the_record_is_kept_and_the_timeline_told_the_time_is_exact(world: World, told: Told):
    events, truth = timeline(
        world, Told(told.checkpoints, told.captures[-1:], [], set(), forks=True)
    )
    exact = written(events).filter(pl.col("basis") == "commit record")
    assert set(exact["row"]) == set(truth)
    for one in exact.iter_rows(named=True):
        assert one["earliest"] == one["latest"] == text(truth[one["row"]])
