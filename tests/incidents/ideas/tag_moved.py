"""A release is tagged and deployed, and the tag stands elsewhere later."""

from __future__ import annotations

from tests.incidents.forge import TAG, Forge
from tests.incidents.stage import M1, Stage, Truth, line

IS_LONG = True
_FEBRUARY, _AFTER = "2026-02-14T09:30:00Z", "2026-03-09T09:30:00Z"
RULE = "tag-moved"


def released(stage: Stage, *more: str) -> tuple[Forge, str]:
    """One commit, tagged m1-v1 (and otherwise) and pushed; a second one on the branch."""
    forge = Forge(stage)
    first = forge.work.commit("one", _FEBRUARY)
    forge.push("main", _FEBRUARY)
    for tag in ("m1-v1", *more):
        forge.work("tag", tag, when=_FEBRUARY)
        forge.push(f"refs/tags/{tag}", "2026-02-14T10:00:00Z")
    forge.work.commit("two", "2026-03-01T09:30:00Z")
    forge.push("main", "2026-03-01T09:31:00Z")
    return forge, first


def move(forge: Forge, tag: str, *how: str) -> None:
    """Set a tag where the work stands, by force."""
    forge.work("tag", "-f", *how, tag, when=_AFTER)
    forge.push(f"refs/tags/{tag}", _AFTER, "-f")


def incident(stage: Stage) -> Truth:
    """The tag of the release was moved to the next commit; the deploy names the one before."""
    forge, first = released(stage)
    stage.log(line("09:00", commit=first))
    move(forge, "m1-v1")
    forge.hand_over()
    return {(RULE, "conflict", M1), ("digest-conflict", "conflict", M1)}


def incident_two_mirrors(stage: Stage) -> Truth:
    """No push is on record: a mirror from before the move has the tag elsewhere."""
    forge, _ = released(stage)
    forge.mirror("february")
    move(forge, "m1-v1")
    forge.hand_over(pushes=False)
    return {(RULE, "conflict", M1)}


def incident_kept_by_a_clone(stage: Stage) -> Truth:
    """A working repository, which no fetch takes a tag from, has it where the deploy says."""
    forge, first = released(stage)
    stage.log(line("09:00", commit=first))
    forge.server("update-ref", TAG, "refs/heads/main", when=_AFTER)
    forge.paths.append("forge/work")
    forge.hand_over(pushes=False)
    return {(RULE, "conflict", M1)}


def incident_deleted_and_made_anew(stage: Stage) -> Truth:
    """The tag was deleted, and one of its name pushed an hour later."""
    forge, _ = released(stage)
    forge.push(f":{TAG}", "2026-03-09T08:30:00Z")
    move(forge, "m1-v1")
    forge.hand_over()
    return {(RULE, "conflict", M1)}


def incident_many(stage: Stage) -> Truth:
    """Three releases were moved to one commit, as whoever takes over an action does: told once."""
    forge, _ = released(stage, "m1-v2", "m1-v3")
    for tag in ("m1-v1", "m1-v2", "m1-v3"):
        move(forge, tag)
    forge.hand_over()
    return {(RULE, "conflict", M1)}


def innocent(stage: Stage) -> Truth:
    """An annotated tag, pushed by force, takes the place of a plain one at the same commit."""
    forge, first = released(stage)
    stage.log(line("09:00", commit=first))
    forge.work("tag", "-f", "-a", "-m", "m1 1", "m1-v1", first, when=_AFTER)
    forge.push(TAG, _AFTER, "-f")
    forge.hand_over()
    return set()


def innocent_latest(stage: Stage) -> Truth:
    """A tag that is meant to move was moved, and nobody names what it was at: an observation."""
    forge, _ = released(stage, "latest")
    move(forge, "latest")
    forge.hand_over()
    return {(RULE, "observation", "log:activity/refs/tags/latest")}


def innocent_tagged_late(stage: Stage) -> Truth:
    """The tag was made weeks after its commit, when the branch had gone on, and a mirror lacks it.

    A record of a mirror that has no tag says of none that it was moved.
    """
    forge = Forge(stage)
    first = forge.work.commit("one", _FEBRUARY)
    forge.push("main", _FEBRUARY)
    forge.mirror("february")
    forge.work.commit("two", "2026-03-01T09:30:00Z")
    forge.push("main", "2026-03-01T09:31:00Z")
    stage.log(line("09:00", commit=first))
    forge.work("tag", "-a", "-m", "m1 1", "m1-v1", first, when=_AFTER)
    forge.push(TAG, _AFTER)
    forge.hand_over()
    return set()


def innocent_own_tag(stage: Stage) -> Truth:
    """Whoever works there set a tag of that name anew, and never pushed it: who knows."""
    forge, first = released(stage)
    stage.log(line("09:00", commit=first))
    forge.work("tag", "-f", "m1-v1", when=_AFTER)
    forge.paths.append("forge/work")
    forge.hand_over()
    return {(RULE, "undetermined", M1)}
