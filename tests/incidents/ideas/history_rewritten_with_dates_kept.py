"""A branch is pushed, and pushed by force later with other commits in place of the first ones."""

from __future__ import annotations

from tests.incidents.forge import Forge
from tests.incidents.stage import M1, Stage, Truth, line

IS_LONG = True
_BEFORE, _AFTER = "2026-02-20T09:30:00Z", "2026-03-09T09:30:00Z"
RULE = "history-rewritten-with-dates-kept"


def trained(stage: Stage) -> tuple[Forge, str]:
    """Two commits, pushed; the name of the second one."""
    forge = Forge(stage)
    forge.work.commit("data", "2026-02-14T09:30:00Z")
    second = forge.work.commit("train", "2026-02-15T09:30:00Z")
    forge.push("main", _BEFORE)
    return forge, second


def rewrite(forge: Forge, *filters: str) -> None:
    """Every commit is made anew with what it said of its author and its dates."""
    forge.work("filter-branch", "-f", *filters, "--", "main", when=_AFTER)
    forge.push("main", _AFTER, "-f")


def incident(stage: Stage) -> Truth:
    """The file of both commits is another now, by their old dates; the deploy names the second."""
    forge, second = trained(stage)
    stage.log(line("09:00", commit=second))
    rewrite(forge, "--tree-filter", "echo other > file")
    forge.hand_over()
    return {(RULE, "conflict", M1)}


def incident_two_mirrors(stage: Stage) -> Truth:
    """The forge's pushes are not at hand: a mirror from before has the old ones."""
    forge, second = trained(stage)
    forge.mirror("february")
    stage.log(line("09:00", commit=second))
    rewrite(forge, "--tree-filter", "echo other > file")
    forge.mirror("march")
    forge.hand_over(pushes=False)
    return {(RULE, "conflict", M1)}


def innocent(stage: Stage) -> Truth:
    """Rebased onto what another pushed meanwhile: each commit keeps author, title and files."""
    forge, _ = trained(stage)
    work = forge.work
    work("switch", "-q", "--orphan", "other")
    (work.path / "more").write_text("more")
    work("add", "more")
    work("commit", "-q", "-m", "more", when="2026-02-16T09:30:00Z")
    work("switch", "-q", "main")
    work("rebase", "-q", "other", when=_AFTER)
    forge.push("main", _AFTER, "-f")
    stage.log(line("2026-03-09 10:00", commit=work("rev-parse", "HEAD")))
    forge.hand_over()
    return set()


def innocent_amended(stage: Stage) -> Truth:
    """The last commit was amended, which keeps its author's date, and pushed by force."""
    forge, _ = trained(stage)
    forge.work("commit", "-q", "--amend", "--no-edit", "--allow-empty", when="2026-02-20T09:35:00Z")
    forge.push("main", "2026-02-20T09:36:00Z", "-f")
    stage.log(line("09:00", commit=forge.work("rev-parse", "HEAD")))
    forge.hand_over()
    return set()


def innocent_password(stage: Stage) -> Truth:
    """A file was taken out of history, as those who use it knew: dates stay. An observation."""
    forge, _ = trained(stage)
    rewrite(forge, "--index-filter", "git rm -q --cached --ignore-unmatch file")
    stage.log(line("2026-03-09 10:00", commit=forge.work("rev-parse", "HEAD")))
    forge.hand_over()
    return {(RULE, "observation", "log:activity/refs/heads/main")}


def innocent_script(stage: Stage) -> Truth:
    """A job makes several commits of one title in one second, throws them away, makes others."""
    forge, _ = trained(stage)
    base = forge.work("rev-parse", "HEAD")
    for text in ("a", "b"):
        forge.work("reset", "-q", "--hard", base)
        for number in range(3):
            (forge.work.path / "file").write_text(f"{text}{number}")
            forge.work("commit", "-q", "-a", "-m", "sync", when="2026-02-21T09:30:00Z")
        forge.push("main", f"2026-02-21T09:3{'ab'.index(text) + 1}:00Z", "-f")
    stage.log(line("09:00", commit=forge.work("rev-parse", "HEAD")))
    forge.hand_over()
    return set()
