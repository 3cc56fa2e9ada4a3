"""Logs of NTP daemons: how far a host's clock was off, by that host's own word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import recon
from recon.case import Case
from tests.cases import line, write_case

TRACKING = Path(__file__).parents[2] / "corpus/ntp/chrony/tracking.log"
SECOND = 1_000_000
SOURCE = """
[[source]]
id = "hosts"
collector = "anchors"
domain = "other"
ntp = [{{ {options} }}]
"""
LOOPSTATS = """\
61107 36000.000 0.250000000 13.778 0.000351733 0.013380 6
61107 36064.031 0.250006019 13.778 0.000351733 0.013380 6
61107 36128.062 0.249994019 13.778 0.000351733 0.013380 6
"""


def case(folder: Path, text: str, options: dict[str, Any]) -> Case:
    rows = [line("2026-03-08T10:00:00Z"), line("2026-11-25T16:43:30Z", version="2")]
    told = {"path": "ntp.log", "clock": "log:deploys", **options}
    inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in told.items())
    write_case(folder, logs={"deploys": rows}, extra=SOURCE.format(options=inline))
    (folder / "ntp.log").write_text(text)
    made = recon.open(folder)
    assert [one.failures for one in made.collect() if one.failures] == []
    return made


def said(made: Case) -> str:
    return " ".join(one["message"] for one in made.warnings() if one["source"] == "hosts")


def test_chronyds_log_bounds_the_clock_of_its_host(tmp_path: Path):
    """libfaketime had put that clock 2.5 s ahead."""
    made = case(tmp_path, TRACKING.read_text(), {"format": "chrony.tracking", "trusted": True})
    (one,) = made.clocks().ahead["log:deploys"]
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 2.5 * SECOND <= one.high <= 2.51 * SECOND
    # All lines but those before it was synchronised, and the first after them.
    lines = TRACKING.read_text().count(" N ") - 1
    assert (one.state, one.agreeing, one.pairs) == ("measured", lines, lines)
    assert not said(made)


def test_a_line_after_one_without_synchronisation_says_nothing(tmp_path: Path):
    """It says 1.5 s, while the clock was off by 2.5 s: chronyd did not know yet."""
    lines = TRACKING.read_text().splitlines(keepends=True)
    unsynchronised = [number for number, text in enumerate(lines) if " ? " in text]
    made = case(
        tmp_path,
        "".join(lines[: unsynchronised[0] + 2]),
        {"format": "chrony.tracking", "trusted": True},
    )
    assert made.clocks().ahead["log:deploys"] == []
    assert "found none" in said(made)


def test_a_hosts_word_is_no_utc_unless_the_case_takes_it(tmp_path: Path):
    made = case(tmp_path, TRACKING.read_text(), {"format": "chrony.tracking"})
    found = made.clocks()
    assert found.ahead == {"examiner": [], "log:deploys": [], "ntp:hosts": []}
    (anchor,) = found.anchors
    assert anchor.clocks == ["log:deploys", "ntp:hosts"]
    assert "the host's own word" in anchor.name


def test_loopstats_are_as_good_as_the_distance_that_is_declared(tmp_path: Path):
    """61107 is 8 March 2026; 0.25 s is what UTC is ahead, so the clock is behind."""
    options = {"format": "ntpd.loopstats", "trusted": True, "distance": 0.1}
    made = case(tmp_path, LOOPSTATS, options)
    (one,) = made.clocks().ahead["log:deploys"]
    assert one.low is not None
    assert one.high is not None
    assert -0.36 * SECOND < one.low < one.high < -0.14 * SECOND
    times = made.timeline().filter(pl.col("clock") == "log:deploys", pl.col("source") == "hosts")
    first = times.collect().row(0, named=True)
    assert f"{first['earliest']:%Y-%m-%d %H:%M}" == "2026-03-08 10:00"
    quote, _ = made.quote("hosts", f"{first['item'][:16]}:{first['citation']}#{first['part']}")
    assert quote.text == LOOPSTATS.splitlines()[0]


@pytest.mark.parametrize("format_", ["chrony.tracking", "ntpd.loopstats"])
def test_lines_that_are_none_are_named_and_the_rest_is_read(tmp_path: Path, format_: str):
    good = TRACKING.read_text() if format_ == "chrony.tracking" else LOOPSTATS
    bad = "\x1b[2J no line\n61107 nan nan 1 1 1 1\n99999999999 1 1 1 1 1 1\n" + 20 * "x " + "\n"
    count = 4
    if format_ == "chrony.tracking":
        # A year for which a calendar of microseconds has no room.
        last = [one for one in good.splitlines() if " N " in one][-1]
        bad, count = f"{bad}9999-12-31{last[10:]}\n", 5
    options: dict[str, Any] = {"format": format_, "trusted": True}
    options |= {"distance": 0.1} if format_ == "ntpd.loopstats" else {}
    whole = case(tmp_path / "good", good, options)
    made = case(tmp_path / "bad", good + bad, options)
    assert f"{count} that are none" in said(made)
    assert len(made.clocks().ahead["log:deploys"]) == 1
    (one,) = made.clocks().ahead["log:deploys"]
    (other,) = whole.clocks().ahead["log:deploys"]
    assert (one.low, one.high) == (other.low, other.high)


def test_a_false_line_among_many_is_outvoted_and_named(tmp_path: Path):
    options = {"format": "ntpd.loopstats", "trusted": True, "distance": 0.1}
    false = "61107 36100.000 -30.000000000 13.778 0.000351733 0.013380 6\n"
    made = case(tmp_path / "false", LOOPSTATS + false, options)
    (one,) = made.clocks().ahead["log:deploys"]
    (other,) = case(tmp_path / "true", LOOPSTATS, options).clocks().ahead["log:deploys"]
    assert (one.agreeing, one.pairs) == (3, 4)
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    # Pairs are looked at one by one where some contradict, so that less is left to drift.
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=2_000)
    assert one.low >= other.low
    assert one.high <= other.high
    (dissent,) = made.clocks().dissent
    assert ":line 4#" in dissent.before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "ntpd.peerstats"}, "one of chrony.tracking, ntpd.loopstats"),
        ({"format": "ntpd.loopstats"}, "`distance` with ntpd.loopstats"),
        ({"format": "chrony.tracking", "distance": 1.0}, "no `distance`"),
        ({"format": "chrony.tracking", "clock": "utc"}, "a clock other than UTC itself"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, Any], said: str):
    with pytest.raises(recon.errors.CaseError, match=said):
        case(tmp_path, "", options)
