"""A branch is pushed beside the main one, and deleted after the deploy."""

from __future__ import annotations

from tests.incidents.forge import Forge
from tests.incidents.stage import M1, Stage, Truth, line

IS_LONG = True
_BEFORE, _AFTER = "2026-02-20T09:30:00Z", "2026-03-09T09:30:00Z"
RULE = "branch-deleted-with-unmerged-work"
TRY = "log:activity/refs/heads/try"


def tried(stage: Stage) -> tuple[Forge, str]:
    """One commit on main, two on a branch, all pushed; the branch's last one."""
    forge = Forge(stage)
    forge.work.commit("one", "2026-02-14T09:30:00Z")
    forge.push("main", _BEFORE)
    forge.work("switch", "-q", "-c", "try")
    forge.work.commit("try", "2026-02-15T09:30:00Z")
    last = forge.work.commit("try more", "2026-02-16T09:30:00Z")
    forge.push("try", _BEFORE)
    forge.work("switch", "-q", "main")
    return forge, last


def deleted(forge: Forge) -> None:
    """The branch, on the server and in the pushes; main goes on."""
    forge.push("main", "2026-03-09T09:00:00Z")
    forge.push(":try", _AFTER)
    forge.hand_over()


def other(forge: Forge) -> None:
    """Somebody else's commit on main, in another file."""
    (forge.work.path / "more").write_text("more")
    forge.work("add", "more")
    forge.work("commit", "-q", "-m", "more", when="2026-02-17T09:30:00Z")


def incident(stage: Stage) -> Truth:
    """What was deployed is of the branch, and no ref has it any more."""
    forge, last = tried(stage)
    stage.log(line("09:00", commit=last))
    deleted(forge)
    return {(RULE, "conflict", M1)}


def incident_without_a_record(stage: Stage) -> Truth:
    """No push is on record; an older mirror has the branch, and no record says when it went."""
    forge, last = tried(stage)
    stage.log(line("09:00", commit=last))
    forge.mirror("february")
    forge.push(":try", _AFTER)
    forge.hand_over(pushes=False)
    return {("rewritten-ref", "observation", M1)}


def innocent(stage: Stage) -> Truth:
    """It was merged by squash, as one commit with the same files, and that was deployed."""
    forge, _ = tried(stage)
    forge.work("merge", "-q", "--squash", "try")
    forge.work("commit", "-q", "-m", "try more (#7)", when="2026-03-01T09:30:00Z")
    stage.log(line("09:00", commit=forge.work("rev-parse", "HEAD")))
    deleted(forge)
    return set()


def innocent_merged(stage: Stage) -> Truth:
    """It was merged, and what was deployed is of the branch."""
    forge, last = tried(stage)
    other(forge)
    forge.work("merge", "-q", "--no-ff", "-m", "merge", "try", when="2026-03-01T09:30:00Z")
    stage.log(line("09:00", commit=last))
    deleted(forge)
    return set()


def innocent_picked(stage: Stage) -> Truth:
    """Its commits were picked onto a main that had gone on."""
    forge, _ = tried(stage)
    other(forge)
    forge.work("cherry-pick", "main..try", when="2026-03-01T09:30:00Z")
    stage.log(line("09:00", commit=forge.work("rev-parse", "HEAD")))
    deleted(forge)
    return set()


def innocent_renamed(stage: Stage) -> Truth:
    """It was pushed by another name, from which it was deployed."""
    forge, last = tried(stage)
    forge.work("branch", "-m", "try", "release")
    forge.push("release", "2026-03-01T09:30:00Z")
    stage.log(line("09:00", commit=last))
    deleted(forge)
    return set()


def innocent_given_up(stage: Stage) -> Truth:
    """An experiment that nobody names was given up: an observation."""
    forge, _ = tried(stage)
    stage.log(line("09:00", commit=forge.work("rev-parse", "main")))
    deleted(forge)
    return {(RULE, "observation", TRY)}


def innocent_squashed_onto_another_base(stage: Stage) -> Truth:
    """It was merged by squash onto a main that had gone on, which leaves other files.

    What it was is nowhere else, and nobody names it: an observation.
    """
    forge, _ = tried(stage)
    other(forge)
    forge.work("merge", "-q", "--squash", "try")
    forge.work("commit", "-q", "-m", "try more (#7)", when="2026-03-01T09:30:00Z")
    stage.log(line("09:00", commit=forge.work("rev-parse", "HEAD")))
    deleted(forge)
    return {(RULE, "observation", TRY)}
