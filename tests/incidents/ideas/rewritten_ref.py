"""A deploy names a commit, and the branch is rewritten after it."""

from __future__ import annotations

from tests.incidents.code import hand_over, repository
from tests.incidents.stage import M1, Stage, Truth, line

_FEBRUARY, _AFTER = "2026-02-14T09:30:00Z", "2026-03-09T09:30:00Z"


def told(stage: Stage, *, branch: str) -> None:
    """Two commits, of which the second is deployed and a branch is set back to the first one."""
    code = repository(stage)
    first = code.commit("one", _FEBRUARY)
    second = code.commit("two", "2026-02-15T09:30:00Z")
    stage.log(line("09:00", commit=second))
    code("branch", "feature", when=_AFTER)
    code("checkout", "-q", branch, when=_AFTER)
    code("reset", "-q", "--hard", first, when=_AFTER)
    code.commit("three", _AFTER)
    if branch == "main":
        code("branch", "-q", "-D", "feature", when=_AFTER)
    hand_over(stage, code)


def incident(stage: Stage) -> Truth:
    """It was the branch that is deployed: no ref reaches the commit any more."""
    told(stage, branch="main")
    return {("rewritten-ref", "conflict", M1)}


def innocent(stage: Stage) -> Truth:
    """It was a branch beside it, as whoever works on one may rewrite it."""
    told(stage, branch="feature")
    return set()
