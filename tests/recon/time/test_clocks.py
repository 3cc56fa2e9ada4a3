"""What `recon clocks` says: offsets, steps, dissenters, and what an assumption rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import recon
from recon import clocks_json, show, show_clocks
from recon.figure_clocks import draw
from recon.time.clocks import Clocks, chosen
from tests.cases import line, write_case
from tests.once import march_8

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
DECLARED = """
[[correspondence]]
first = { source = "one", kind = "deploy.finish" }
second = { source = "two", kind = "deploy.finish" }
within = [0, 5]
"""


def stamp(hours: float) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def case(folder: Path, apart: dict[int, float], extra: str = DECLARED, count: int = 12) -> Clocks:
    """Deployments two hours apart in two logs; ``apart``: hours that the second is off, by number.

    The second log is off by that from there on.
    """
    one, two, off = [], [], 0.0
    for number in range(count):
        off = apart.get(number, off)
        digest, version = f"{number:064x}", f"1.{number}"
        one.append(line(stamp(2 * number), digest, version))
        two.append(line(stamp(2 * number + off + 2 / 3600), digest, version))
    made = recon.open(write_case(folder / "case", logs={"one": one, "two": two}, extra=extra))
    list(made.collect())
    return made.clocks()


def printed(found: Clocks, capsys: pytest.CaptureFixture[str]) -> str:
    show_clocks.table(show.console(), found)
    return capsys.readouterr().out


def test_two_clocks_that_agree_are_measured_and_nothing_dissents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path, {})
    (stretch,) = found.stretches
    assert (stretch.state, stretch.agreeing, stretch.pairs) == ("measured", 12, 12)
    assert stretch.low is not None
    assert stretch.high is not None
    # Latency of 0 to 5 s, read by whole seconds two seconds apart.
    assert -5_000_000 < stretch.low <= 0 <= stretch.high < 5_000_000
    assert not found.dissent
    assert not found.steps
    text = printed(found, capsys)
    assert "12 of 12" in text
    assert "one act in one deploy.finish and two deploy.finish, declared (12)" in text
    assert max(len(one) for one in text.splitlines()) <= 100


def test_a_log_that_is_an_hour_ahead_from_one_morning_on_has_stepped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path, {6: 1.0})
    assert [one.state for one in found.stretches] == ["measured", "measured"]
    (step,) = found.steps
    hour = 3_600_000_000
    assert step.low <= hour <= step.high
    assert clocks_json.to_json(found)["steps"][0]["after"] == stamp(10)
    assert clocks_json.to_json(found)["steps"][0]["before"] == stamp(12)
    assert not found.dissent
    text = printed(found, capsys)
    assert "between 2026-03-01 20:00 and 2026-03-01 22:00" in text
    assert "+1 h 00 m" in text


def test_one_record_that_is_a_day_early_is_named_and_moves_no_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    clean, found = case(tmp_path / "a", {}), case(tmp_path / "b", {6: -24.0, 7: 0.0})
    (one,) = found.dissent
    assert one.bracketed
    line_7 = {one.before.split(":", 1)[1], one.after.split(":", 1)[1]}
    assert all(name.startswith("line 7#") for name in line_7)
    assert not found.steps
    (with_it,), (without,) = found.stretches, clean.stretches
    assert (with_it.agreeing, with_it.pairs) == (11, 12)
    # Where the record would be, two clocks can drift for an hour more before the next.
    for bound, was in ((with_it.low, without.low), (with_it.high, without.high)):
        assert bound is not None
        assert was is not None
        assert abs(bound - was) <= 0.06 * 1_000_000
    text = printed(found, capsys)
    assert one.before in text.replace("\n  ", "")
    assert "11 of 12" in text


def test_a_proposal_is_shown_as_the_assumption_that_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path, {}, extra="")
    (proposal,) = found.proposals
    assert proposal.pairs == 12
    (stretch,) = found.stretches
    assert [ground.basis for ground in found.rests[stretch]] == ["proposed"]
    assert "assumed (12)" in printed(found, capsys)


def test_what_is_declared_leaves_nothing_to_propose(tmp_path: Path):
    found = case(tmp_path, {})
    assert not found.proposals
    assert [(one.pairs, one.ambiguous) for one in found.declared] == [(12, 0)]


def test_acts_recorded_twice_on_a_side_are_left_out_and_counted(tmp_path: Path):
    rows = [line(stamp(n), "a" * 64) for n in range(3)]
    made = recon.open(
        write_case(tmp_path / "case", logs={"one": rows, "two": rows[:1]}, extra=DECLARED)
    )
    list(made.collect())
    found = made.clocks()
    assert [(one.pairs, one.ambiguous) for one in found.declared] == [(0, 1)]
    assert [one.clocks for one in found.groups] == [("examiner",), ("log:one",), ("log:two",)]


def test_acts_can_be_known_by_an_attribute(tmp_path: Path):
    """Both logs name the run; the digests differ, so subject and digest would match nothing."""
    logs = {
        name: [line(stamp(n), digest * 64, f"1.{n}", run=f"run-{n}") for n in range(4)]
        for name, digest in (("one", "a"), ("two", "b"))
    }
    folder = write_case(tmp_path / "case", logs=logs, extra=DECLARED + 'by = "run"\n')
    text = (folder / "case.toml").read_text()
    (folder / "case.toml").write_text(
        text.replace('artifact = "sha256"', 'artifact = "sha256", run = "run"')
    )
    made = recon.open(folder)
    list(made.collect())
    assert [one.pairs for one in made.clocks().declared] == [4]


def test_clocks_that_no_record_ties_are_said_to_be_unbounded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = case(tmp_path, {}, extra="", count=3)
    assert not found.stretches
    assert [one.clocks for one in found.groups] == [("examiner",), ("log:one",), ("log:two",)]
    text = printed(found, capsys)
    assert "each of these and all others: examiner, log:one, log:two" in text


def test_a_glob_keeps_what_speaks_of_its_clocks(tmp_path: Path):
    found = case(tmp_path, {6: 1.0})
    assert chosen(found, "log:two").steps == found.steps
    assert not chosen(found, "s3:*").stretches
    # What is not asked about is not said to be unbounded.
    assert not chosen(found, "s3:*").groups
    assert [one.clocks for one in chosen(found, "log:two").groups] == [("log:one", "log:two")]
    assert [one.clocks for one in found.groups] == [("log:one", "log:two"), ("examiner",)]


def test_json_holds_every_stretch_with_what_it_rests_on(tmp_path: Path):
    data = json.loads(json.dumps(clocks_json.to_json(case(tmp_path, {6: -24.0, 7: 0.0}))))
    (offset,) = data["offsets"]
    assert offset["state"] == "measured"
    assert offset["rests_on"] == [
        {
            "name": "one act in one deploy.finish and two deploy.finish",
            "basis": "declared",
            "pairs": 11,
        }
    ]
    assert len(data["dissent"]) == 1
    assert data["declared"][0]["within"] == [0.0, 5.0]


def test_rows_beside_their_commit_are_a_norm_and_bound_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
):
    found = march_8(tmp_path_factory).clocks()
    beside = {(one.first, one.second): one for one in found.beside}
    one = beside["pg:lineage-db/ml.deployments.finished_at", "pg:lineage-db/commit"]
    assert one.measured
    assert not [
        s for s in found.stretches if (s.first, s.second) == ("pg:lineage-db/commit", one.first)
    ]
    assert show_clocks.BESIDE in printed(found, capsys)
    assert not found.dissent
    measured = [s for s in found.stretches if s.measured and s.direct]
    # Runs of the deploy job measure the log against the database; all else is bound by laws.
    assert [(s.first, s.second, s.agreeing, s.pairs) for s in measured] == [
        ("log:deploys", "pg:lineage-db/commit", 26, 26)
    ]


@pytest.mark.parametrize("name", ["clocks.svg", "clocks.png"])
def test_the_figure_is_drawn_and_the_same_each_time(tmp_path: Path, name: str):
    found = case(tmp_path, {3: -24.0, 4: 0.0, 8: 1.0})
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw(found, tmp_path / folder / name)
    first = (tmp_path / "a" / name).read_bytes()
    assert first == (tmp_path / "b" / name).read_bytes()
    assert len(first) > 1000


def test_the_figure_draws_names_as_they_were_cleaned(tmp_path: Path):
    """A name with a formula, an escape and letters that the font has not."""
    found = case(tmp_path, {})
    (stretch,) = found.stretches
    hostile = replace(stretch, first="git:author:$\\frac$\x1b[31m漢字<&>")
    draw(replace(found, stretches=[hostile]), tmp_path / "clocks.svg")
    text = (tmp_path / "clocks.svg").read_text()
    assert "\x1b" not in text
    ET.fromstring(text)  # noqa: S314  (a file of ours)
