"""The NTP daemon's status as an anchor of the examiner's clock, and what is no anchor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import recon
from collectors.clock.measure import KIND
from collectors.clock.status import Status, tracking, variables
from recon import clocks_json
from recon.case import Case
from recon.evidence import Acquiring
from recon.examiner import said
from tests.cases import line, write_case
from tests.chrony import chrony, program
from tests.tsa import FAKETIME

SECOND = 1_000_000
DOMAIN = """
[domain.examiner]
organisation = "us"

[[source]]
id = "clock"
collector = "clock"
domain = "examiner"
"""
# chronyd 4.3 whose clock libfaketime had put 2.5 s ahead.
FAST = (
    "7F000001,127.0.0.1,2,1795625013.863918687,-2.499996185,0.000000627,0.000002573,"
    "-0.215,0.008,0.862,0.000041339,0.000003907,1.0,Normal\n"
)
# The same program as a server that follows nobody (`local stratum 1`).
LOCAL = (
    "7F7F0101,,1,1795625000.003617720,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
    "0.000000000,0.000000000,0.0,Normal\n"
)
# As in the documentation of ntpq; in milliseconds.
NTPD = """\
associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,
version="ntpd 4.2.8p15", processor="x86_64", system="Linux", leap=00, stratum=2,
precision=-24, rootdelay=15.200, rootdisp=20.100, refid=192.0.2.1,
reftime=e9d1f5a3.1 2026, clock=e9d1f5b0.2, peer=1, tc=6, mintc=3, offset=-250.500
"""


def case(folder: Path, extra: str = "") -> Case:
    return recon.open(
        write_case(folder, logs={"one": [line("2026-03-08T10:00:00Z")]}, extra=DOMAIN + extra)
    )


def measured(folder: Path, *measurements: dict[str, Any]) -> Case:
    """A case that holds measurements as given, and nothing of this machine."""
    made = case(folder)
    for number, one in enumerate(measurements):
        acquiring = Acquiring(made.evidence, made.config.source("clock"), again=True)
        data = json.dumps({"commands": [], "roughtime": [], **one}).encode()
        acquiring.run(lambda run, n=number, d=data: run.store(f"clock/{n}", KIND, d))
    made.evidence.custody.close()
    return made


def asked(argv: list[str], stdout: str, at: str = "2026-11-25T16:43:34.000000Z") -> dict[str, Any]:
    wall = {"wall": at, "monotonic_ns": 1}
    return {"argv": argv, "before": wall, "after": wall, "exit": 0, "stdout": stdout, "stderr": ""}


CHRONYC = ["chronyc", "-n", "-c", "tracking"]


def warned(made: Case) -> str:
    return " ".join(one["message"] for one in made.warnings())


def test_chronyds_word_with_its_root_distance(tmp_path: Path):
    made = measured(tmp_path, {"commands": [asked(CHRONYC, FAST)]})
    (one,) = made.clocks().ahead["examiner"]
    distance = 0.000041339 / 2 + 0.000003907
    assert one.low == pytest.approx((2.499996185 - distance) * SECOND, abs=3)
    assert one.high == pytest.approx((2.499996185 + distance) * SECOND, abs=3)
    assert [ground.name for ground in one.grounds] == ["NTP as chronyd of the examiner tells it"]
    assert "ahead of UTC by +2.5 s" in said(made)


def test_ntpds_word_is_in_milliseconds_and_its_sign_is_that_of_chronyd():
    assert variables(NTPD) == Status(lacks=-0.2505, within=pytest.approx(0.0277))
    assert tracking(FAST) == Status(lacks=-2.499996185, within=pytest.approx(0.0000245765))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LOCAL, "serving its own clock"),
        (FAST.replace("Normal", "Not synchronised"), "synchronised"),
        (FAST.replace("-2.499996185", "nan"), "numbers"),
        (FAST.replace(",2,", ",16,", 1), "numbers"),
        ("506 Cannot talk to daemon\n", "14 fields"),
        ("", "14 fields"),
    ],
)
def test_what_chronyd_cannot_know_is_no_anchor(tmp_path: Path, text: str, why: str):
    made = measured(tmp_path, {"commands": [asked(CHRONYC, text)]})
    assert made.clocks().ahead.get("examiner", []) == []
    assert why in warned(made)
    assert "unmeasured" in said(made)


@pytest.mark.parametrize(
    "text",
    [
        NTPD.replace("sync_ntp", "sync_unspec"),
        NTPD.replace("leap_none", "leap_alarm"),
        NTPD.replace("192.0.2.1", "LOCL"),
        NTPD.replace("rootdisp", "other"),
        NTPD.replace("stratum=2", "stratum=16"),
        "",
    ],
)
def test_what_ntpd_cannot_know_is_no_anchor(text: str):
    assert isinstance(variables(text), str)


def test_two_daemons_that_disagree_are_both_named(tmp_path: Path):
    commands = [asked(CHRONYC, FAST), asked(["ntpq", "-c", "rv"], NTPD)]
    made = measured(tmp_path, {"commands": commands})
    assert len(made.clocks().anchors) == 2
    assert {one.law for one in made.clocks().dissent} == {
        "NTP as chronyd of the examiner tells it",
        "NTP as ntpd of the examiner tells it",
    }


@pytest.mark.parametrize(
    ("wall", "stepped"), [("2026-03-08T10:01:00Z", False), ("2026-03-08T11:01:00Z", True)]
)
def test_a_clock_that_was_set_during_acquisition_is_told_by_the_one_that_is_not(
    tmp_path: Path, wall: str, *, stepped: bool
):
    """A minute passed by the monotonic clock."""
    first = {"wall": "2026-03-08T10:00:00Z", "monotonic_ns": 1_000_000_000}
    second = {"wall": wall, "monotonic_ns": 61_000_000_000}
    made = measured(
        tmp_path,
        {"boot": "a", "begun": first, "ended": first},
        {"boot": "a", "begun": second, "ended": second},
    )
    assert ("was set by +3600.000 s" in warned(made)) == stepped


def test_a_count_that_no_clock_has_stops_nothing(tmp_path: Path):
    first = {"wall": "2026-03-08T10:00:00Z", "monotonic_ns": 1}
    second = {"wall": "2026-03-08T10:00:00Z", "monotonic_ns": 10**400}
    made = measured(tmp_path, {"boot": "a", "begun": first, "ended": second})
    assert "was set by" not in warned(made)


def test_a_long_word_of_a_program_takes_no_long_time():
    begun = time.monotonic()
    assert isinstance(variables("a" * 65_536), str)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"commands": 1, "roughtime": []}', b"\xff"])
def test_bytes_that_are_no_measurement_are_named(tmp_path: Path, data: bytes):
    made = case(tmp_path)
    acquiring = Acquiring(made.evidence, made.config.source("clock"))
    acquiring.run(lambda run: run.store("clock/0", KIND, data))
    made.evidence.custody.close()
    assert "expected a measurement of a clock" in warned(made)


def test_each_run_measures_as_it_begins_and_as_it_ends(tmp_path: Path):
    made = case(tmp_path)
    results = {one.source: one for one in made.collect()}
    assert results["clock"].stored == 2
    kinds = [item.kind for item in made.items()]
    assert kinds == [KIND, "log.jsonl", KIND]
    # Nothing is acquired, and so no clock is needed.
    assert [(one.source, one.skipped) for one in made.collect()] == [
        ("one", True),
        ("clock", True),
    ]
    assert len(made.items()) == 3
    # Of a source that is asked for by name too.
    list(made.collect(["one"], again=True))
    assert len([item for item in made.items() if item.kind == KIND]) == 4
    list(made.collect(["clock"]))
    assert len([item for item in made.items() if item.kind == KIND]) == 5
    assert made.verify() == []


def test_absent_programs_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    made = case(tmp_path / "case")
    list(made.collect(["clock"]))
    (item,) = made.items()
    found = json.loads(made.path_of(item.sha256).read_bytes())
    assert {one["argv"][0]: one["absent"] for one in found["commands"]} == {
        "chronyc": True,
        "ntpq": True,
        "timedatectl": True,
    }
    assert "unmeasured" in said(made)


def test_a_case_that_does_not_measure_is_told_so(tmp_path: Path):
    made = recon.open(write_case(tmp_path, logs={"one": [line("2026-03-08T10:00:00Z")]}))
    list(made.collect())
    assert "no source of the case measures it" in said(made)
    assert made.clocks().ahead["examiner"] == []
    told = clocks_json.to_json(made.clocks())["utc"]
    assert {one["clock"]: one["bound"] for one in told} == {"examiner": False, "log:one": False}


@pytest.mark.live
@pytest.mark.skipif(program("chronyd") is None, reason="chronyd is not installed")
def test_a_real_chronyd_tells_how_far_ahead_the_examiner_is(tmp_path: Path):
    """recon and chronyd under libfaketime, 2.5 s ahead of the chronyd that serves the time."""
    library = next(one for one in FAKETIME if Path(one).exists())
    with chrony(tmp_path / "chrony", 2.5) as (socket, log):
        made = case(tmp_path / "case", f'chronyd = "{socket}"\n')
        path = f"{Path(str(program('chronyc'))).parent}:{os.environ['PATH']}"
        environment = os.environ | {"LD_PRELOAD": library, "FAKETIME": "+2.5", "PATH": path}
        command = [sys.executable, "-c", "from recon.cli import main; main()", "collect"]
        done = subprocess.run(
            [*command, "--case", str(made.root)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = log.read_text()
    assert "ahead of UTC by +2.5 s" in done.stdout
    (one,) = recon.open(made.root).clocks().ahead["examiner"]
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 2.5 * SECOND + 2000
    assert one.high >= 2.5 * SECOND - 2000
    assert one.high - one.low < 0.1 * SECOND
    assert "2.500e+00" in lines
