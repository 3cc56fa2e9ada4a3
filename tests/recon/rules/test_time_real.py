"""The rules of time on real parts: the packaged case (PostgreSQL, git, S3), and a real repository.

The packaged log is moved, or one line of it; what the database, the bucket and git hold stays.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import recon
from recon.findings import Finding
from recon.packaged_case import demo
from recon.prose import argument
from tests.cases import line, write_case
from tests.once import march_8

if TYPE_CHECKING:
    import pytest

TIME = {"impossible-order", "backdated-record", "clock-step", "clock-skew"}
ACCUSING = {"impossible-order", "backdated-record"}
Change = Callable[[int, dict[str, Any], datetime], datetime]


def found(folder: Path, change: Change | None = None, *, said: str = "") -> list[Finding]:
    """What the rules of time say of the packaged case with its log changed."""
    case = demo(folder / "case")
    path = folder / "case" / "deploys.jsonl"
    if change is not None:
        lines = [json.loads(text) for text in path.read_text().splitlines()]
        for number, one in enumerate(lines, 1):
            moved = change(number, one, datetime.fromisoformat(one["ts"]))
            one["ts"] = moved.astimezone(UTC).isoformat().replace("+00:00", "Z")
        path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    if said:
        text = (folder / "case" / "case.toml").read_text()
        (folder / "case" / "case.toml").write_text(text + said)
        case = recon.open(folder / "case")
    list(case.collect())
    return [one for one in case.findings().findings if one.rule in TIME]


def test_the_packaged_case_has_no_impossible_order_and_no_clock_that_is_off(
    tmp_path_factory: pytest.TempPathFactory,
):
    case = march_8(tmp_path_factory)
    assert [one for one in case.findings().findings if one.rule in TIME] == []


def test_a_log_that_is_six_hours_ahead_is_observed_and_accuses_nobody(tmp_path: Path):
    (one,) = found(tmp_path, lambda _n, _one, at: at + timedelta(hours=6))
    assert (one.rule, one.verdict) == ("clock-skew", "observation")
    assert one.statement.startswith("The clock log:deploys reads 6 h 00 m")
    assert "all along, as a host set to another zone does" in one.statement
    assert "26 of 26 pairs of records" in one.alibi


def test_a_log_that_was_minutes_behind_until_one_morning_has_stepped(tmp_path: Path):
    morning = datetime(2026, 2, 10, tzinfo=UTC)

    def lag(_number: int, _line: dict[str, Any], at: datetime) -> datetime:
        return at - timedelta(minutes=25) if at < morning else at

    told = {one.rule: one for one in found(tmp_path, lag)}
    assert set(told) == {"clock-step", "clock-skew"}
    assert "changed by 25 m" in told["clock-step"].statement
    assert "until" not in told["clock-skew"].statement
    assert "25 m (" in told["clock-skew"].statement


def test_a_line_that_was_moved_back_before_its_commit_is_seen(tmp_path: Path):
    """The finish of credit-risk 2.3.1, three weeks before the commit that it names was made."""

    def moved(_number: int, one: dict[str, Any], at: datetime) -> datetime:
        mine = (one["model"], one["version"]) == ("credit-risk", "2.3.1")
        return at - timedelta(days=21) if mine and one["event"] == "deploy.finish" else at

    told = found(tmp_path, moved)
    (one,) = (one for one in told if one.rule in ACCUSING)
    # The run began by the same clock, three weeks later: it may have been set back.
    assert one.verdict == "undetermined"
    assert one.subject == "model:credit-risk@2.3.1"
    assert "came before it" in one.statement
    assert one.margin_seconds is not None
    assert one.margin_seconds > 19 * 86_400
    assert "log:deploys would have had to be set back by 20 d 23 h 54 m" in one.excuse


# A real repository and a log


def git(repository: Path, *command: str, when: str = "", author: str = "") -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{
            f"GIT_{who}_{what}": f"{what.lower()}@acme.example"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_COMMITTER_DATE": when,
        "GIT_AUTHOR_DATE": author or when,
    }
    done = subprocess.run(
        ["git", *command],
        cwd=repository,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


START = datetime(2026, 3, 1, 10, tzinfo=UTC)


SOURCE = """
[[source]]
id = "code"
collector = "git"
domain = "platform"
path = "code"
"""
ON_PUSH = """
[[correspondence]]      # every push is deployed within a minute
first = { source = "code", kind = "git.commit", clock = "git:committer:*" }
second = { source = "deploys", kind = "deploy.finish" }
within = [0, 60]
"""


def with_repository(
    folder: Path, off: Callable[[int], timedelta], *, wait: float = 1800, extra: str = ""
) -> recon.Case:
    """Twelve commits two hours apart, each deployed after ``wait`` seconds by a log that is off.

    Their authors wrote them eight years before.
    """
    repository = folder / "code"
    repository.mkdir(parents=True)
    git(repository, "init", "-q", "-b", "main")
    rows = []
    for number in range(12):
        when = START + timedelta(hours=2 * number)
        git(
            *(repository, "commit", "-q", "--allow-empty", "-m", f"change {number}"),
            when=f"{when:%Y-%m-%dT%H:%M:%S}+0000",
            author=f"2018-01-{number + 1:02}T10:00:00+0000",
        )
        stamp = when + timedelta(seconds=wait) + off(number)
        sha = git(repository, "rev-parse", "HEAD")
        rows.append(line(f"{stamp:%Y-%m-%dT%H:%M:%SZ}", f"{number:064x}", f"1.{number}", sha=sha))
    path = write_case(folder, logs={"deploys": rows}, extra=SOURCE + extra) / "case.toml"
    text = path.read_text().replace(
        'attributes = { artifact = "sha256" }',
        'attributes = { artifact = "sha256", commit = "sha" }',
    )
    # One job writes it, line after line.
    text = text.replace('format = "jsonl"', 'format = "jsonl"\nappend_only = true')
    if extra:
        text = text.replace('"model:{model}@{version}"', '"git:code/commit/{sha}"')
    path.write_text(text)
    opened = recon.open(folder)
    list(opened.collect())
    return opened


def of_time(case: recon.Case) -> list[Finding]:
    return [one for one in case.findings().findings if one.rule in TIME]


def test_a_real_repository_with_old_author_dates_and_a_log_in_step_is_silent(tmp_path: Path):
    assert of_time(with_repository(tmp_path, lambda _: timedelta())) == []


def test_a_log_that_is_hours_behind_a_real_repository_is_observed(tmp_path: Path):
    (one,) = of_time(with_repository(tmp_path, lambda _: -timedelta(hours=7)))
    assert (one.rule, one.verdict) == ("clock-skew", "observation")
    assert "at least 6 h 30 m behind git:committer:" in one.statement


def test_one_line_dated_before_the_commit_that_it_names(tmp_path: Path):
    made = with_repository(tmp_path, lambda n: -timedelta(days=30) if n == 6 else timedelta())
    (one,) = (one for one in of_time(made) if one.rule in ACCUSING)
    assert one.verdict == "undetermined"
    assert one.subject == "model:m@1.6"
    assert "29 d 23 h 30 m" in one.excuse
    # A digest shows it, so that no late line explains it.
    assert [step.data["law"] for step in one.steps if step.step == "before"] == ["digest"]


def test_a_contradiction_in_a_real_repository_and_its_log(tmp_path: Path):
    """As every push is deployed within a minute, pairs measure the log against git."""
    early = timedelta(hours=3)
    made = with_repository(
        tmp_path, lambda n: -early if n == 6 else timedelta(), wait=20, extra=ON_PUSH
    )
    told = of_time(made)
    (one,) = (one for one in told if one.rule in ACCUSING)
    assert (one.rule, one.verdict) == ("impossible-order", "contradiction")
    assert one.margin_seconds is not None
    assert 10_600 < one.margin_seconds < 10_800
    assert "22 of 24 pairs of records" in one.alibi
    assert "that the case declares" in one.alibi
    said = " ".join(argument(one))
    assert "because B's bytes contain A's digest, git:" in said
    assert "they cannot both be true" in said
    assert "any one of these alone is enough: B's time is not as recorded, or" in said
    # Nothing is said of the log's clock but where the line stands.
    assert {other.verdict for other in told if other is not one} <= {"observation"}


def test_the_same_log_hours_ahead_and_without_the_false_line_is_observed(tmp_path: Path):
    made = with_repository(tmp_path, lambda _: timedelta(hours=5), wait=20, extra=ON_PUSH)
    (one,) = of_time(made)
    assert (one.rule, one.verdict) == ("clock-skew", "observation")
    assert "reads 5 h 00 m" in one.statement
