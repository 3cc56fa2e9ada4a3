"""A deploy names a commit; the repository is at hand."""

from __future__ import annotations

from tests.incidents.code import hand_over, repository
from tests.incidents.stage import M1, Stage, Truth, line

_FEBRUARY, _AFTER = "2026-02-14T09:30:00Z", "2026-03-09T09:30:00Z"


def incident(stage: Stage) -> Truth:
    """It has no such commit, is whole, and goes on after the deploy."""
    code = repository(stage)
    code.commit("one", _FEBRUARY)
    code.commit("two", _AFTER)
    stage.log(line("09:00", commit="ab" * 20))
    hand_over(stage, code)
    return {("unbacked-deploy", "missing", M1)}


def innocent(stage: Stage) -> Truth:
    """The deploy names its last commit but one, by seven digits."""
    code = repository(stage)
    first = code.commit("one", _FEBRUARY)
    code.commit("two", _AFTER)
    stage.log(line("09:00", commit=first[:7]))
    hand_over(stage, code)
    return set()
