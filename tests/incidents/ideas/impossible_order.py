"""A pipeline that deploys each commit when it is made, and a log whose times are not all so."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from tests.collectors.git.repositories import Repository
from tests.incidents.code import hand_over, repository
from tests.incidents.runs import LOG, deployed
from tests.incidents.stage import Stage, Truth, line

IS_LONG = True
RULE = "impossible-order"
_HOUR = timedelta(hours=1)
_SKEW, _STEP = ("clock-skew", "observation", LOG), ("clock-step", "observation", LOG)


def incident(stage: Stage) -> Truth:
    """One line is dated an hour and a half before the commit that it names."""
    runs = deployed(stage, lambda n: -1.5 * _HOUR if n == 3 else 0 * _HOUR)
    return {(RULE, "contradiction", runs.subject(3))}


def incident_across_midnight(stage: Stage) -> Truth:
    """So it is at 22:00, between runs at 20:00 and at midnight: the day says nothing."""
    runs = deployed(stage, lambda n: -1.5 * _HOUR if n == 6 else 0 * _HOUR)
    return {(RULE, "contradiction", runs.subject(6))}


def incident_of_a_night(stage: Stage) -> Truth:
    """So it is of the one line of a night: nothing else measures the log for eight hours."""
    runs = deployed(stage, lambda n: -1.5 * _HOUR if n == 6 else 0 * _HOUR, unlogged=(5, 7))
    return {(RULE, "undetermined", runs.subject(6))}


def incident_on_a_host_in_another_zone(stage: Stage) -> Truth:
    """So it is where the log is six hours ahead all along, and this line only four and a half."""
    runs = deployed(stage, lambda n: 4.5 * _HOUR if n == 3 else 6 * _HOUR)
    return {(RULE, "contradiction", runs.subject(3)), _SKEW}


def incident_unmeasured(stage: Stage) -> Truth:
    """Nobody says how soon a commit is deployed: the line's clock may have been set back."""
    runs = deployed(
        stage, lambda n: -30 * 24 * _HOUR if n == 6 else 0 * _HOUR, wait=1800, paired=False
    )
    return {(RULE, "undetermined", runs.subject(6))}


def incident_tag(stage: Stage) -> Truth:
    """A tag is dated two weeks before the commit that it names."""
    code = repository(stage)
    code.commit("one", "2026-02-14T09:30:00Z")
    code("tag", "-a", "-m", "m1 1", "m1-v1", when="2026-01-31T09:30:00Z")
    hand_over(stage, code)
    return {(RULE, "undetermined", "git:code/tag/" + code("rev-parse", "m1-v1"))}


def innocent(stage: Stage) -> Truth:
    """The log is seven hours behind all along, as a host in another zone is: an observation."""
    deployed(stage, lambda _: -7 * _HOUR)
    return {_SKEW}


def innocent_in_step(stage: Stage) -> Truth:
    """All clocks are in step; authors wrote the changes eight years before their commits."""
    deployed(stage)
    return set()


def innocent_whole_seconds(stage: Stage) -> Truth:
    """Commit, child, tag and deploy are of one second."""
    code = repository(stage)
    when = "2026-03-08T09:00:00Z"
    code.commit("one", when)
    second = code.commit("two", when)
    code("tag", "-a", "-m", "m1 1", "m1-v1", when=when)
    stage.log(line("09:00", commit=second), append_only=True)
    hand_over(stage, code)
    return set()


def innocent_until_ntp_came_back(stage: Stage) -> Truth:
    """The log was forty minutes behind until one morning: observations of its clock."""
    deployed(stage, lambda n: -2 * _HOUR / 3 if n < 6 else 0 * _HOUR)
    return {_SKEW, _STEP}


def innocent_daylight_saving(stage: Stage) -> Truth:
    """The log is of local time without its zone, and an hour was left out: observations."""
    deployed(stage, lambda n: _HOUR if n >= 6 else 0 * _HOUR)
    return {_SKEW, _STEP}


def innocent_queue(stage: Stage) -> Truth:
    """A relay delivered one line three runs late, by the time that it was of: an observation."""
    deployed(stage, order=lambda n: 95 if n == 6 else 10 * n)
    return {("clock-step", "observation", LOG)}


def branched(stage: Stage, branch: str, year: int) -> Repository:
    """A branch made in February of a year, and a commit of 8 March 2026 on the main one."""
    code = repository(stage)
    code.commit("one", f"{year}-02-14T09:30:00Z")
    code("switch", "-q", "-c", branch)
    (code.path / "more").write_text("more")
    code("add", "more")
    code("commit", "-q", "-m", "more", when=f"{year}-02-15T09:30:00Z")
    code("switch", "-q", "main")
    code.commit("two", "2026-03-08T08:00:00Z")
    return code


def innocent_cherry_pick(stage: Stage) -> Truth:
    """A change of last year is picked onto today's branch: its author's date is before all else."""
    code = branched(stage, "old", year=2025)
    code("cherry-pick", "old", when="2026-03-08T08:30:00Z")
    stage.log(line("09:00", commit=code("rev-parse", "HEAD")), append_only=True)
    hand_over(stage, code)
    return set()


def innocent_rebase_that_kept_its_dates(stage: Stage) -> Truth:
    """A branch of February was rebased onto today's with its committer's dates: who knows."""
    code = branched(stage, "try", year=2026)
    code("rebase", "-q", "--committer-date-is-author-date", "main", "try")
    rebased = code("rev-parse", "try")
    stage.log(line("09:00", commit=rebased), append_only=True)
    hand_over(stage, code)
    return {(RULE, "undetermined", f"git:code/commit/{rebased}")}


def innocent_behind(stage: Stage) -> Truth:
    """One deploy of one commit, by a host that is fifty seconds behind: less than a minute."""
    code = repository(stage)
    stage.log(line("08:59:10", commit=code.commit("one", "2026-03-08T09:00:00Z")))
    hand_over(stage, code)
    return set()


def mirrored(stage: Stage, *, copied: bool) -> None:
    """A mirror last fetched on March 7; the commit that it fetched is dated a day later."""
    code = repository(stage)
    code.commit("one", "2026-02-14T09:30:00Z")
    mirror = stage.folder / "work" / "mirror.git"
    code("clone", "-q", "--mirror", ".", str(mirror))
    code.commit("two", "2026-03-08T09:00:00Z")
    code("-C", str(mirror), "fetch", "-q")
    made, fetched = (datetime(2026, *day, tzinfo=UTC).timestamp() for day in ((1, 5), (3, 7)))
    for path in mirror.iterdir():
        os.utime(path, (fetched if copied else made,) * 2)
    os.utime(mirror / "FETCH_HEAD", (fetched,) * 2)
    stage.source("code", "git", "platform", path="work/mirror.git")


def incident_mirrored_before_its_date(stage: Stage) -> Truth:
    """A commit is dated a day after the auditor's mirror that has it fetched for the last time."""
    mirrored(stage, copied=False)
    return {(RULE, "undetermined", "git:code")}


def innocent_mirror_was_copied(stage: Stage) -> Truth:
    """So it is, but all files of the mirror have one time, as an archive that was unpacked has."""
    mirrored(stage, copied=True)
    return set()
