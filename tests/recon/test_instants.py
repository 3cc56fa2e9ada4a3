"""Readings as intervals: what a written time says, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.errors import BadInputError
from recon.instants import interval, read_epoch, read_iso, show, show_interval, show_span

US = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2026-03-08T12:00:05Z", "2026-03-08T12:00:05Z", "2026-03-08T12:00:05.999999Z"),
        ("2026-03-08 12:00:05.25+01", "2026-03-08T11:00:05.250000Z", "2026-03-08T11:00:05.259999Z"),
        ("2026-03-08T12:00Z", "2026-03-08T12:00:00Z", "2026-03-08T12:00:59.999999Z"),
        (
            "2026-03-08T12:00:05.123456789Z",
            "2026-03-08T12:00:05.123456Z",
            "2026-03-08T12:00:05.123456Z",
        ),
        ("2026-03-08T12:00:05-0330", "2026-03-08T15:30:05Z", "2026-03-08T15:30:05.999999Z"),
        ("2026-06-30T23:59:60Z", "2026-07-01T00:00:00Z", "2026-07-01T00:00:00.999999Z"),
        # No zone: UTC+14 has that reading 14 hours before UTC, UTC-12 twelve hours after.
        ("2026-03-08T12:00:05", "2026-03-07T22:00:05Z", "2026-03-09T00:00:05.999999Z"),
        ("2026-03-08", "2026-03-07T10:00:00Z", "2026-03-09T11:59:59.999999Z"),
    ],
)
def test_covers_what_it_was_written_to(text: str, earliest: str, latest: str):
    assert tuple(map(show, interval(text))) == (earliest, latest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13-01",
        "2026-03-08T25:00Z",
        "12:00",
        "=1",
        "9999-12-31",
        "0001-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(BadInputError):
        interval(text)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(-12 * 60, 14 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_what_python_writes_lies_in_the_interval(moment: datetime, offset: int, precision: str):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    earliest, latest = interval(aware.isoformat(timespec=precision))
    assert earliest <= aware <= latest
    widths = {
        "seconds": timedelta(seconds=1),
        "milliseconds": timedelta(milliseconds=1),
        "microseconds": US,
    }
    assert latest - earliest == widths[precision] - US


USUAL = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
    *(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32), st.sampled_from("T ")),
    *(st.integers(0, 24), st.integers(0, 60), st.integers(0, 59)),
    st.sampled_from(["", ".5", ".25", ".000", ".050", ".123456", ".000001"]),
    st.sampled_from(["Z", "+00"]),
)


@given(st.lists(st.one_of(st.none(), USUAL), min_size=1, max_size=5))
def test_a_column_of_usual_times_says_what_each_says_in_an_odd_one(texts: list[str | None]):
    """One value of another form makes all be read by their parts."""
    usual, odd = (
        pl.Series([*texts, last], dtype=pl.String)
        for last in ("2026-03-08T12:00:05Z", "2026-03-08T12:00:05+01")
    )
    found = [pl.select(read_iso(pl.lit(one))).to_series()[:-1] for one in (usual, odd)]
    assert found[0].to_list() == found[1].to_list()


def test_epoch_numbers_are_as_wide_as_their_unit():
    out = pl.select(read_epoch(pl.lit(1_772_971_205_123), "ms")).item()
    assert out["latest"] - out["earliest"] == timedelta(microseconds=999)
    assert show(out["earliest"]) == "2026-03-08T12:00:05.123000Z"


def test_shown_for_people():
    noon = datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert show_interval(noon, noon + timedelta(seconds=1) - US) == "2026-03-08T12:00:00Z"
    assert "…" in show_interval(noon, noon + timedelta(minutes=1))
    assert show_interval(None, None) == "undated"
    assert show_span(21 * 86400 + 4 * 3600 + 180) == "21 d 04 h 03 m"
    assert show_interval(noon, None) == "2026-03-08T12:00:00Z or later"
    assert show_span(-2.5) == "−2.5 s"
    assert show_span(0) == "0 s"
    assert show_span(10) == "10 s"
