"""Branches that were deleted while commits of theirs stood on no other ref."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.commits import Commits, commits
from recon.rules.refs import named, tips, whole
from recon.rules.rewrites import Rewrite, rewrites
from recon.rules.twins import carried, same_tree


@rule("branch-deleted-with-unmerged-work", needs=("git.commit",))
def branch_deleted_with_unmerged_work(timeline: Timeline) -> Iterator[Draft]:
    """Work was unmerged when a branch was deleted iff no ref reaches commits that the branch had.

    The deletion is a forge's push or a reflog to nothing, or two clones of which one has the branch
    and a mirror from after it has not. Work counts as merged where a ref reaches the branch's last
    commit, where a commit that one reaches has the very same files (a merge by squash), and commit
    by commit where another has its author, author's date and title (a rebase, a cherry-pick, a
    mailed patch).

    A conflict where a record of another source names one of these commits.
    Observation where none does: branches are deleted every day, and this one held what is now
    nowhere else.
    Undetermined where the repository's history is not whole, so that reach cannot be told.
    Innocent: a merge by squash onto a base that had moved on, which leaves other files; an
    experiment that was given up; a branch that was renamed or pushed to another repository.
    Source: git-branch(1), ``-D``; gitglossary(7) "reachable"; Torres-Arias et al., On omitting
    commits and committing omissions (USENIX Security 2016).
    """
    gone = [one for one in rewrites(timeline) if one.new is None and not one.is_local]
    if not gone:
        return
    graph, covered = commits(timeline), whole(timeline)
    reached = graph.reach(tips(timeline))
    rows = dict(graph.facts.select("name", "row").iter_rows())
    for one in gone:
        left = graph.left(one.old, reached)
        if not left or same_tree(graph, one.old, reached):
            continue
        left -= carried(graph, left, reached)
        if left:
            said = named(timeline).filter(pl.col("name").is_in(list(left)))
            others = [
                row
                for row in said.iter_rows(named=True)
                if row["source"] != graph.homes[row["name"]]
            ]
            yield _draft(_Left(one, left, others), graph, rows, covered)


@dataclass(frozen=True, slots=True)
class _Left:
    """What a deletion left on no ref."""

    one: Rewrite
    commits: set[str]
    named: list[dict[str, Any]]
    """Records of other sources that name some of them."""


def _draft(left: _Left, graph: Commits, rows: dict[str, int], covered: set[str]) -> Draft:
    one, said = left.one, left.named[0] if left.named else None
    last = said["name"] if said else one.old if one.old in left.commits else min(left.commits)
    is_whole = graph.homes[last] in covered
    verdict: Verdict = "undetermined" if not is_whole else "conflict" if said else "observation"
    count = f"{len(left.commits)} of its commits {'is' if len(left.commits) == 1 else 'are'}"
    events = [*one.events, ("commit", rows[last])]
    steps = [
        step("deleted-branch", one.events[-1][0], ref=f"{one.place}/{one.ref}", name=one.old),
        step("unreachable", "commit", repository=graph.homes[last]),
    ]
    also = ""
    if said:
        events.append(("named", said["row"]))
        steps.append(step("states", "named", attribute=said["attribute"], value=f"git:{last}"))
        also = f"; {said['source']} names {last} for {said['subject']}"
    return Draft(
        verdict=verdict,
        subject=said["subject"] if said else f"{one.place}/{one.ref}",
        statement=f"{one.said}; {count} on no ref that is at hand today, {last} for one{also}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the work would have had to be given up, or to stand "
        "elsewhere under other names, as after a merge by squash onto a base that had moved on.",
        alibi="Which commits a ref reaches follows from hashes alone; no clock is involved.",
        innocent=[
            Innocent(
                "The branch was merged by squash onto a base that had moved on.",
                None,
                "No commit that a ref reaches has the same files as its last one; a comparison of "
                "the changes themselves would say.",
            ),
            Innocent(
                "Its commits were rebased, cherry-picked or mailed, and stand under other names.",
                True,
                "No commit that a ref reaches has their author, author's date and title.",
            ),
            Innocent(
                "The clone at hand is shallow or partial.",
                is_whole,
                "Its history is whole." if is_whole else "Its history is not whole.",
            ),
        ],
    )
