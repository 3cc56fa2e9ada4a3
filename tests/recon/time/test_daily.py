"""What an hour and a day say of two clocks is what all their pairs say, in whatever order."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import polars as pl
import pytest

from recon.time import consensus, daily
from recon.time.pairs import KEYS

HOUR = daily.DAY // 24


def made(seed: int) -> pl.DataFrame:
    """Pairs of three clocks over three days; many bound one side alone."""
    rng = Random(seed)  # noqa: S311  (made-up pairs, no secret)
    rows = []
    for _ in range(rng.randrange(200)):
        # Categories are numbered as they are met, which is no alphabetical order.
        first, second = sorted(rng.sample(["b", "c", "a"], 2))
        low = rng.choice([None, rng.randrange(-50, 50)])
        high = rng.choice([None, rng.randrange(-50, 50)])
        rows.append((first, second, rng.randrange(-36 * HOUR, 36 * HOUR), low, high))
    frame = pl.DataFrame(rows, schema=[*KEYS, "at", "low", "high"], orient="row")
    return frame.cast(dict.fromkeys(("at", "low", "high"), pl.Int64()))


def plain(pairs: pl.DataFrame) -> pl.DataFrame:
    """Hours by a grouping of texts."""
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    held = pl.when(both).then("at")
    return (
        pairs.with_columns(hour=pl.col("at") // HOUR)
        .group_by(*KEYS, "hour")
        .agg(
            low=pl.col("low").max(),
            high=pl.col("high").min(),
            since=pl.col("at").min(),
            until=pl.col("at").max(),
            held_since=held.min(),
            held_until=held.max(),
            pairs=pl.len().cast(pl.Int64),
            held=both.sum().cast(pl.Int64),
        )
        .sort(*KEYS, "hour")
        .with_columns(day=pl.col("hour") // 24)
    )


@pytest.mark.parametrize("has_room", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_an_hour_says_what_all_its_pairs_say(
    seed: int, *, has_room: bool, monkeypatch: pytest.MonkeyPatch
):
    if not has_room:
        monkeypatch.setattr(daily, "_NUMBERS", 0)
    pairs = made(seed)
    own = daily.hourly(pairs.with_columns(pl.col(KEYS).cast(pl.Categorical)).lazy())
    expected = plain(pairs)
    assert own.bounds.select(expected.drop("hour").columns).equals(expected.drop("hour"))
    for row, (start, stop) in zip(
        own.bounds.iter_rows(named=True),
        pairwise([*own.begin.tolist(), len(pairs)]),
        strict=True,
    ):
        part = own.pairs[start:stop]
        assert len(part) == row["pairs"]
        assert (part["low"].max(), part["high"].min()) == (row["low"], row["high"])


@pytest.mark.parametrize("seed", range(12))
def test_certain_bounds_of_groups_are_those_of_each(seed: int):
    pairs = made(seed).select("low", "high")
    begin = daily.begins(pl.DataFrame({"group": pl.Series(range(len(pairs))) // 7}))
    found = daily.certain(pairs, begin)
    assert len(found) == len(begin)
    ends = [*begin.tolist(), len(pairs)]
    for row, (start, stop) in zip(found.iter_rows(), pairwise(ends), strict=True):
        part = pairs[start:stop]
        low = part["low"].fill_null(-consensus.OPEN).to_numpy()
        high = part["high"].fill_null(consensus.OPEN).to_numpy()
        least, most = consensus.certain(low, high)
        assert row[0] == (None if least == -consensus.OPEN else least)
        assert row[1] == (None if most == consensus.OPEN else most)


def test_no_pairs_say_nothing():
    pairs = made(0).clear().with_columns(pl.col(KEYS).cast(pl.Categorical))
    own = daily.hourly(pairs.lazy())
    assert own.bounds.is_empty()
    assert daily.certain(own.pairs, own.begin).is_empty()
