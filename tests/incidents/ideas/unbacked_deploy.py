"""A deploy names a commit; the repository is at hand."""

from __future__ import annotations

from tests.collectors.git.repositories import Repository
from tests.incidents.code import hand_over, repository
from tests.incidents.stage import M1, Stage, Truth, line

IS_LONG = True
RULE = "unbacked-deploy"
_FEBRUARY, _AFTER = "2026-02-14T09:30:00Z", "2026-03-09T09:30:00Z"
_NOWHERE = "ab" * 20


def told(stage: Stage, commit: str | None = None) -> tuple[Repository, str]:
    """Two commits, the second after the deploy, which names the commit or else the first one."""
    code = repository(stage)
    first = code.commit("one", _FEBRUARY)
    code.commit("two", _AFTER)
    stage.log(line("09:00", commit=commit or first))
    return code, first


def incident(stage: Stage) -> Truth:
    """It has no such commit, is whole, and goes on after the deploy."""
    code, _ = told(stage, _NOWHERE)
    hand_over(stage, code)
    return {(RULE, "missing", M1)}


def incident_of_one_of_two(stage: Stage) -> Truth:
    """Of two models one names a commit that is there, and one what is not even its beginning."""
    code, first = told(stage)
    stage.log(
        line("09:00", commit=first), line("09:10", "m2", commit=f"{first[:39]}{_other(first[39])}")
    )
    hand_over(stage, code)
    return {(RULE, "missing", "model:m2@1")}


def incident_of_a_shallow_clone(stage: Stage) -> Truth:
    """What a clone of depth one lacks may have been there: nothing is missing for certain."""
    code, _ = told(stage, _NOWHERE)
    clone = stage.folder / "work" / "shallow"
    code("clone", "-q", "--depth=1", f"file://{code.path}", str(clone), when=_AFTER)
    hand_over(stage, Repository(clone))
    return {(RULE, "undetermined", M1)}


def incident_of_an_old_copy(stage: Stage) -> Truth:
    """The copy's last sign of life is before the deploy: the commit may have come after it."""
    code = repository(stage)
    code.commit("one", _FEBRUARY)
    code("bundle", "create", "-q", "../old.bundle", "--all")
    stage.log(line("2031-03-08 09:00", commit=_NOWHERE))
    stage.source("code", "git", "platform", path="work/old.bundle")
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """The deploy names its last commit but one, by seven digits."""
    code, first = told(stage)
    stage.log(line("09:00", commit=first[:7]))
    hand_over(stage, code)
    return set()


def innocent_elsewhere(stage: Stage) -> Truth:
    """One repository lacks the commit, and another one of the case has it."""
    code, _ = told(stage)
    other = Repository(stage.folder / "work" / "other")
    commit = other.commit("theirs", _FEBRUARY)
    stage.log(line("09:00", commit=commit))
    hand_over(stage, code)
    stage.source("other", "git", "storage", path="work/other")
    return set()


def innocent_unreachable(stage: Stage) -> Truth:
    """No ref leads to the commit any more, which is told; its object is still there."""
    code = repository(stage)
    code.commit("one", _FEBRUARY)
    code("checkout", "-q", "-b", "topic")
    named = code.commit("topic", _FEBRUARY)
    code("checkout", "-q", "main")
    code("merge", "-q", "--squash", "topic")
    code.commit("squashed", _AFTER)
    code("branch", "-D", "topic")
    stage.log(line("09:00", commit=named))
    hand_over(stage, code)
    return {("rewritten-ref", "observation", M1)}


def _other(digit: str) -> str:
    """Another hexadecimal digit."""
    return "1" if digit == "0" else "0"
