"""Order after correction: yes, no or undetermined, and never wrong where clocks are measured."""

from __future__ import annotations

import random
from datetime import timedelta

import polars as pl
import pytest

from recon.time.between import BASES, Between
from recon.time.corrected import READING, Corrected, Reading, before
from recon.time.moments import moments
from recon.time.offsets import OFFSETS
from recon.time.pairs import act_pairs, law_pairs
from recon.time.settle import settle
from tests.stories import Story, at
from tests.worlds import together, world

HOUR = 3600.0
OTHER = Reading("clock_b", "earliest_b", "latest_b")
NEVER = ("one clock", "measured")


def read(clock: str | None, time: str):
    return clock, at(time), at(time)


@pytest.mark.parametrize("begin", range(0, 40, 20))
def test_no_order_is_wrong_in_a_world_that_tells_the_truth(begin: int):
    """Clocks that are off, drift and step, with as many pairs as there are."""
    worlds = [world(seed, steps=seed % 2 == 1) for seed in range(begin, begin + 20)]
    events, relations, acts = together(worlds)
    pairs = pl.concat([law_pairs(events, relations), act_pairs(events, acts)])
    offsets = settle(pairs).offsets
    clocks = Corrected(Between.of(offsets, offsets))
    rng, first, chosen = random.Random(begin), 0, []  # noqa: S311  (a story, no secret)
    for one in worlds:
        numbers = range(first, first + len(one.events))
        chosen += [rng.sample(numbers, 2) for _ in range(300)]
        first += len(one.events)
    true = [event.true for one in worlds for event in one.events]
    named = events.select("row", *READING)
    both = (
        pl.LazyFrame(chosen, schema={"a": pl.UInt64(), "b": pl.UInt64()}, orient="row")
        .join(named, left_on="a", right_on="row")
        .join(named, left_on="b", right_on="row", suffix="_b")
    )
    found = clocks.apart(both, READING, OTHER, "x").with_columns(order=before("x")).collect()
    told = {basis: {True: 0, False: 0, None: 0} for basis in BASES}
    for row in found.iter_rows(named=True):
        told[row["x_basis"]][row["order"]] += 1
        if row["x_basis"] in NEVER and row["order"] is not None:
            assert row["order"] == (true[row["b"]] > true[row["a"]]), row
    # It must say something, too.
    for basis in NEVER:
        assert told[basis][None] < 0.1 * (told[basis][True] + told[basis][False])


def test_two_readings_of_one_clock_compare_as_they_stand_however_wide_its_offset_is():
    clocks = Story().measured("a", "b", 0, wide=10 * HOUR).timeline().clocks
    found = clocks.compare(read("a", "10:00"), read("a", "10:01"))
    assert (found.basis, found.before, found.least) == ("one clock", True, 60_000_000)
    assert clocks.compare(read("a", "10:00"), read("b", "10:01")).before is None


def test_an_offset_is_taken_off_a_pair_of_clocks():
    clocks = Story().measured("a", "b", 5 * HOUR).timeline().clocks
    assert clocks.compare(read("a", "10:00"), read("b", "14:00")).before is False
    assert clocks.compare(read("a", "10:00"), read("b", "16:00")).before is True
    assert clocks.compare(read("b", "16:00"), read("a", "10:00")).before is False
    assert clocks.compare(read("a", "10:00"), read("b", "15:00")).before is None


def test_a_pair_is_bounded_by_itself_and_not_by_way_of_a_third():
    """Both are known to within four hours of a third clock, and to a second of each other."""
    story = Story().measured("a", "b", 0, wide=1.0)
    story.measured("a", "c", 0, wide=8 * HOUR).measured("b", "c", 0, wide=8 * HOUR)
    clocks = story.timeline().clocks
    assert clocks.compare(read("a", "10:00"), read("b", "10:01")).before is True
    assert clocks.compare(read("a", "10:00"), read("c", "12:00")).before is None


def test_two_clocks_that_nothing_measures_compare_as_they_read_and_that_is_said():
    clocks = Story().measured("a", "b", 5 * HOUR).timeline().clocks
    found = clocks.compare(read("a", "10:00"), read("c", "10:01"))
    assert (found.basis, found.before) == ("as read", True)
    assert clocks.compare(read(None, "10:00"), read("c", "10:01")).basis == "as read"


def test_outside_the_time_of_the_pairs_an_order_must_hold_both_ways():
    """Five hours ahead all of February; nothing is known of March."""
    clocks = Story().measured("a", "b", 5 * HOUR, until="2026-02-28 00:00").timeline().clocks
    found = clocks.compare(read("a", "10:00"), read("b", "14:00"))
    assert (found.basis, found.before) == ("as read, and doubted", None)
    assert clocks.compare(read("a", "10:00"), read("b", "16:00")).before is True
    assert clocks.compare(read("a", "10:00"), read("b", "09:00")).before is False


def test_across_a_step_a_clock_is_compared_with_room_for_it():
    """Two hours behind until the night of 8 March; one of the two clocks was set then."""
    story = Story().measured("a", "b", -2 * HOUR, until="2026-03-08 00:00")
    clocks = story.measured("a", "b", 0, since="2026-03-08 06:00").timeline().clocks
    day, next_ = "2026-03-07 12:00", "2026-03-09 12:00"
    assert clocks.compare(read("a", day), read("a", "2026-03-07 12:01")).before is True
    assert clocks.compare(read("a", day), read("b", "2026-03-07 10:30")).before is True
    assert clocks.compare(read("a", next_), read("b", "2026-03-09 12:01")).before is True
    assert clocks.compare(read("b", "2026-03-07 23:00"), read("b", "2026-03-08 08:00")).before
    night = read("b", "2026-03-08 03:00"), read("b", "2026-03-08 03:30")
    assert clocks.compare(*night).before is not False


def test_a_tolerance_widens_and_never_narrows():
    story = Story().measured("a", "b", 0, wide=2 * HOUR)
    readings = read("a", "10:00"), read("b", "10:30")
    wide = story.timeline().clocks.compare(*readings)
    story.tolerance = {"b": 0.001}
    assert story.timeline().clocks.compare(*readings).high == wide.high + 1000
    assert story.timeline().clocks.compare(read("b", "10:00"), read("b", "10:01")).high == 0


def test_what_the_tool_proposes_measures_nothing_and_casts_doubt():
    """Deployments that two logs record three hours apart: a lag, or an offset."""
    story = Story().measured("a", "b", 0, since="2026-02-01 00:00", until="2026-02-01 00:00")
    for day in range(1, 20):
        for source, hour in (("one", "08"), ("two", "11")):
            story.event(
                *(source, "claim", f"model:m{day}@1", f"2026-02-{day:02} {hour}:00"),
                clock=f"log:{source}",
                basis="asserted",
                attribute="artifact",
                digest=f"sha256:{day:064}",
            )
            row = story.rows[-1]
            story.rows.append(row | {"kind": "deploy.finish", "part": 0, "digest": None})
            row["part"] = 1
    clocks = story.timeline().clocks
    when = ("2026-02-03 10:00", "2026-02-03 11:00")
    found = clocks.compare(read("log:one", when[0]), read("log:two", when[1]))
    assert (found.basis, found.before) == ("as read, and doubted", None)


def shown(story: Story, time: str, reference: str | None = None) -> dict[str, tuple[str, str]]:
    clocks = story.timeline().clocks
    found = moments(clocks, ["a", "b", "c"], at(time), timedelta(hours=1), reference)
    return {
        row["clock"]: tuple(row[end].strftime("%H:%M") for end in ("at_from", "at_to"))
        for row in found.to_dicts()
    }


def test_what_clocks_showed_at_an_instant():
    """Nothing ties them to UTC: each is taken to be right within an hour."""
    assert set(shown(Story(), "12:00").values()) == {("11:00", "13:00")}


def test_what_two_clocks_out_of_three_say_counts():
    """Two agree and a third is five hours ahead; then two differ, and nothing tells which."""
    story = Story().measured("a", "b", 0).measured("a", "c", 5 * HOUR)
    found = shown(story, "12:00")
    assert found["a"] in {("11:00", "12:59"), ("11:00", "13:00")}
    assert found["c"][0] in {"15:59", "16:00"}
    found = shown(Story().measured("a", "c", 5 * HOUR), "12:00")
    assert found["a"][0] < "08:01"
    assert found["a"][1] == "13:00"
    assert found["c"][0] == "11:00"
    assert found["c"][1] > "17:59"


def test_an_anchor_to_utc_and_a_declared_clock_measure_the_instant():
    story = Story().measured("a", "utc", -5 * HOUR)
    assert shown(story, "12:00")["a"] in {("16:59", "17:00"), ("17:00", "17:00")}
    story = Story().measured("a", "b", 2 * HOUR)
    found = shown(story, "12:00", "a")
    assert found["a"] == ("12:00", "12:00")
    assert found["b"] in {("13:59", "14:00"), ("14:00", "14:00")}


def test_a_repository_of_many_committers_needs_no_table_of_each_against_each():
    names = [f"git:committer:{number:04}" for number in range(4000)]
    ends = {"first": names[:-1], "second": names[1:]}
    constant = {"since": 0, "until": 1, "high": 0, "certain_high": 0, "pairs": 5, "clear": True}
    known = pl.DataFrame(ends).select(
        pl.lit(constant.get(name), dtype=dtype).alias(name) if name not in ends else name
        for name, dtype in OFFSETS.items()
    )
    between = Between.of(known.clear(), known)
    assert between.clocks == names
    assert sum(table.nbytes for table in between.apart) < 2**26
