"""What binds clocks to UTC, declared or read at one instant; and what that says of others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

import recon
from recon import clocks_json, show, show_clocks
from recon.errors import CaseError
from recon.figure_clocks import draw
from recon.readings import Reading, one_instant
from recon.schema import DRAFT, frame
from recon.time.anchors import DeclaredAnchor, anchor_pairs
from recon.time.clocks import Clocks
from recon.time.corrected import Corrected
from recon.time.known import known
from tests.cases import line, write_case
from tests.stories import Story
from tests.stories import at as told

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
SECOND = 1_000_000
BOTH = """
[[correspondence]]
first = { source = "one", kind = "deploy.finish" }
second = { source = "two", kind = "deploy.finish" }
within = [0, 5]
"""
ANCHOR = """
[[anchor]]
clock = "log:one"
ahead = {ahead}
because = "the host's keeper, under oath"
{more}
"""


def stamp(hours: float) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def case(folder: Path, extra: str = "", apart: float = 0.0) -> Clocks:
    """Twelve deployments two hours apart in two logs, the second so many hours off."""
    one, two = [], []
    for number in range(12):
        digest, version = f"{number:064x}", f"1.{number}"
        one.append(line(stamp(2 * number), digest, version))
        two.append(line(stamp(2 * number + apart + 2 / 3600), digest, version))
    made = recon.open(write_case(folder, logs={"one": one, "two": two}, extra=BOTH + extra))
    list(made.collect())
    return made.clocks()


def printed(found: Clocks, capsys: pytest.CaptureFixture[str]) -> str:
    show_clocks.table(show.console(), found)
    return capsys.readouterr().out


def test_without_an_anchor_no_clock_is_bound_to_utc(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path)
    assert found.ahead == {"examiner": [], "log:one": [], "log:two": []}
    text = printed(found, capsys)
    assert "Not bound to UTC: no anchor reaches them" in text
    assert "examiner, log:one, log:two" in text
    assert "Ahead of UTC" not in text


def test_one_anchor_binds_a_clock_and_those_that_are_tied_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path, ANCHOR.format(ahead="[1, 3]", more=""), apart=1.0)
    (own,), (other,) = found.ahead["log:one"], found.ahead["log:two"]
    assert (own.state, own.direct) == ("measured", True)
    assert own.low is not None
    assert own.high is not None
    # One to three seconds, and what two clocks can drift apart in the 22 hours of its records.
    assert 0.4 * SECOND < own.low <= 1 * SECOND
    assert 3 * SECOND <= own.high < 3.6 * SECOND
    assert (other.state, other.direct) == ("measured", False)
    assert other.low is not None
    assert other.high is not None
    assert other.low <= 3602 * SECOND <= other.high < 3610 * SECOND
    assert found.ahead["examiner"] == []
    text = printed(found, capsys)
    assert "as the case says: the host's keeper, under oath, declared" in text
    assert "by others" in text
    assert max(len(one) for one in text.splitlines()) <= 100


def test_an_anchor_holds_for_the_time_that_it_is_declared_for(tmp_path: Path):
    more = f"since = {stamp(4)}\nuntil = {stamp(9)}"
    (own,) = case(tmp_path, ANCHOR.format(ahead="0.5", more=more)).ahead["log:one"]
    assert (own.since, own.until) == tuple(
        round((START + timedelta(hours=hours)).timestamp() * SECOND) for hours in (4, 9)
    )


def test_an_anchor_of_a_clock_that_no_record_has_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    extra = ANCHOR.format(ahead="0.5", more="").replace("log:one", "log:none")
    found = case(tmp_path, extra)
    assert [one.count for one in found.anchors] == [0]
    assert "which no record has" in printed(found, capsys)


def test_two_clocks_that_are_anchored_by_one_word_are_counted_for_themselves(tmp_path: Path):
    anchored = ANCHOR.format(ahead="[0, 1]", more="")
    found = case(tmp_path, anchored + anchored.replace("log:one", "log:three"))
    assert [(one.clocks[0], one.count) for one in found.anchors] == [
        ("log:one", 2),
        ("log:three", 0),
    ]


@pytest.mark.parametrize("clock", ["a", "zone"])
def test_an_anchor_holds_from_the_clocks_first_reading_whichever_name_is_first(clock: str):
    story = Story()
    for day in ("06", "07", "08"):
        for hour in ("01", "12"):
            story.event("x", "act", "s", f"2026-03-{day} {hour}:00", clock=clock)
    timeline = story.timeline()
    declared = DeclaredAnchor(clock=clock, ahead=(36_000, 36_001), because="its keeper")
    corrected = Corrected.of(known(timeline.events, timeline.laws, anchored=[declared]))
    read = told("2026-03-06 02:00")
    true = read - timedelta(hours=10)
    assert corrected.compare(("utc", true, true), (clock, read, read)).basis == "measured"


@pytest.mark.parametrize("hours", [("01",), ("01", "12")])
def test_a_clock_that_was_read_on_one_day_alone_is_bound_by_what_the_case_says(hours: tuple[str]):
    """Who declares how far a clock is ahead need not know how often the evidence reads it."""
    story = Story()
    for hour in hours:
        story.event("x", "act", "s", f"2026-03-06 {hour}:00", clock="a")
    for day in ("01", "09"):
        story.event("y", "act", "s", f"2026-03-{day} 00:00", clock="utc", basis="stamped")
    timeline = story.timeline()
    declared = DeclaredAnchor(clock="a", ahead=(3600, 3601), because="its keeper")
    found = known(timeline.events, timeline.laws, anchored=[declared])
    read = told("2026-03-06 01:00")
    true = read - timedelta(hours=1)
    corrected = Corrected.of(found)
    assert corrected.compare(("utc", true, true), ("a", read, read)).basis == "measured"
    early = read - timedelta(minutes=70)
    assert corrected.compare(("utc", early, early), ("a", read, read)).before is True
    assert corrected.compare(("utc", read, read), ("a", read, read)).before is False


def test_two_declarations_that_exclude_each_other_are_both_named(tmp_path: Path):
    extra = ANCHOR.format(ahead="[0, 1]", more="") + ANCHOR.format(
        ahead="[60, 61]", more=""
    ).replace("oath", "pressure")
    found = case(tmp_path, extra)
    assert {one.law for one in found.dissent} == {
        "as the case says: the host's keeper, under oath",
        "as the case says: the host's keeper, under pressure",
    }


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('ahead = "much"', "seconds, or [least, most] in seconds"),
        ("ahead = [2, 1]", "seconds, or [least, most] in seconds"),
        ("ahead = true", "seconds, or [least, most] in seconds"),
        ("ahead = inf", "seconds, or [least, most] in seconds"),
        ("ahead = 1\nclock = 'utc'", "a clock other than UTC itself"),
        ("ahead = 1\nsince = 2026-03-08", "an instant with its zone"),
        ("ahead = 1\nsince = 2026-03-08T12:00:00Z\nuntil = 2026-03-07T12:00:00Z", "no earlier"),
        ("ahead = 1\nof = 'me'", "a key that is known here (clock, ahead, because"),
    ],
)
def test_a_wrong_anchor_is_refused_with_its_line(tmp_path: Path, key: str, said: str):
    clock = "" if "clock" in key else 'clock = "log:one"\n'
    text = f'[[anchor]]\nbecause = "so"\n{clock}{key}\n'
    with pytest.raises(CaseError) as error:
        recon.open(write_case(tmp_path, logs={"one": []}, extra=text))
    assert said in str(error.value)
    assert "case.toml, line " in str(error.value)


def test_an_anchor_that_is_no_list_is_refused_in_words(tmp_path: Path):
    text = '[anchor]\nclock = "log:one"\nahead = 1\nbecause = "so"\n'
    with pytest.raises(CaseError, match=r"\[\[anchor\]\], in two brackets"):
        recon.open(write_case(tmp_path, logs={"one": []}, extra=text))


def readings(*instants: tuple[Reading, ...], item: str = "a") -> pl.LazyFrame:
    rows = [
        row
        for number, one in enumerate(instants)
        for row in one_instant(one, item=item * 64, citation=f"/{number}", by="someone")
    ]
    return (
        frame(rows, DRAFT)
        .with_columns(source=pl.lit("s"))
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.UInt64))
        .lazy()
    )


def at(clock: str, seconds: float, width: float = 0.0) -> Reading:
    start = START + timedelta(seconds=seconds)
    return Reading(clock, start, start + timedelta(seconds=width))


def test_readings_of_one_instant_bound_each_two_of_its_clocks_from_both_sides():
    events = readings((at("b", 10), at("utc", 7, 2), at("a", 3)), (at("a", 50), at("a", 51)))
    pairs = anchor_pairs(events).sort("first", "second").collect()
    found = [
        (row["first"], row["second"], row["low"] / SECOND, row["high"] / SECOND)
        for row in pairs.iter_rows(named=True)
    ]
    # D(second) − D(first); two readings of one clock bound nothing.
    assert found == [("a", "b", 7.0, 7.0), ("a", "utc", 4.0, 6.0), ("b", "utc", -3.0, -1.0)]


def test_equal_bytes_read_at_two_instants_are_two_instants():
    """The answer of a bucket that nobody touched is the same in April and in May."""
    april, may = (readings((at("a", shift), at("b", shift))) for shift in (0, 30 * 86_400))
    events = pl.concat([april, may.with_columns(pl.col("row") + 2)])
    pairs = anchor_pairs(events).collect()
    assert pairs.height == 2
    assert pairs.select("low", "high").unique().rows() == [(0, 0)]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_figure_has_a_lane_for_utc_and_says_what_is_not_bound(tmp_path: Path, suffix: str):
    found = case(tmp_path / "case", ANCHOR.format(ahead="[1, 3]", more=""))
    draw(found, tmp_path / f"clocks{suffix}")
    if suffix == ".svg":
        text = (tmp_path / "clocks.svg").read_text()
        assert "1 of 3 clocks are not bound to UTC" in text
        assert "utc − log:one" in text
        ET.parse(tmp_path / "clocks.svg")  # noqa: S314  (our own figure)


def test_programs_get_all_of_it(tmp_path: Path):
    told = json.loads(
        json.dumps(clocks_json.to_json(case(tmp_path, ANCHOR.format(ahead="[1, 3]", more=""))))
    )
    by_clock = {one["clock"]: one for one in told["utc"]}
    assert {name: one["bound"] for name, one in by_clock.items()} == {
        "examiner": False,
        "log:one": True,
        "log:two": True,
    }
    (ahead,) = by_clock["log:one"]["ahead"]
    assert ahead["rests_on"][0]["basis"] == "declared"
    assert 0.4 < ahead["low"] <= 1
    assert 3 <= ahead["high"] < 3.6
    (anchor,) = told["anchors"]
    assert (anchor["kind"], anchor["clocks"]) == ("declared", ["log:one", "utc"])
