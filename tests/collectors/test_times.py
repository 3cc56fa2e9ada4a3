"""Written times: the quick way of reading a column gives what the thorough one does."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import times

DIGITS = st.integers(0, 9)
ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+05:30", "-09:30", "+14:00", ""])
PARTS = st.tuples(
    st.integers(1890, 2210), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25),
    st.integers(0, 60), st.integers(0, 61), st.integers(0, 999_999_999),
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.one_of(PARTS, st.none()), min_size=1, max_size=5),
    DIGITS, ZONES, st.sampled_from("T "), st.booleans(),
)  # fmt: skip
def test_a_column_that_is_written_alike(
    rows: list[tuple[int, ...] | None],
    digits: int,
    zone: str,
    between: str,
    other: bool,  # noqa: FBT001
):
    def written(row: tuple[int, ...]) -> str:
        year, month, day, hour, minute, second, fraction = row
        part = f".{fraction:09}"[: digits + 1] if digits else ""
        return (
            f"{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{part}{zone}"
        )

    texts = [None if row is None else written(row) for row in rows]
    if other:
        texts.append("2026-02-14")
    frame = pl.DataFrame({"time": texts}, schema={"time": pl.String})
    quick = times.read(frame)
    thorough = times.read(frame.with_columns(zone=pl.lit(None, dtype=pl.String)))
    assert quick.equals(thorough)


def test_many_zones_in_one_table_are_each_read_as_if_alone():
    zones = ["Europe/Berlin", "+05:30", "UTC", None, "CST", "America/New_York", "-03:00"]
    rows = [(f"2026-03-29 0{n % 5}:30", zones[n % len(zones)]) for n in range(70)]
    rows.append(("2026-03-08T12:00:00Z", "Europe/Berlin"))
    table = pl.DataFrame(rows, schema=["time", "zone"], orient="row")
    together = times.read(table)
    alone = pl.concat([times.read(table[n : n + 1]) for n in range(table.height)])
    assert together.equals(alone)
    assert set(together["note"]) >= {None, "gap", "naive", "zone"}
