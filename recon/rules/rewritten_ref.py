"""Branches that moved other than forward, past a commit that another source names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.commits import commits
from recon.rules.reaching import beyond, order
from recon.rules.refs import moves, named, tips, whole
from recon.rules.rewrites import Rewrite, rewrites
from recon.rules.twins import twins


@rule("rewritten-ref", needs=("git.commit", "git.ref"))
def rewritten_ref(timeline: Timeline) -> Iterator[Draft]:
    """A branch was rewritten iff a record moves it off a commit that another source names.

    And no ref of the repository reaches that commit any more. The record is a reflog, a forge's
    push, gittuf's log, or two clones of which one shows the branch at the commit or ahead of it and
    the other apart from it. A commit that went with a deleted branch, with a tag, or that another
    replaced under its own dates is told by the rule on those.

    Observation where no such record is at hand: the commit is named, it is in the repository, and
    no ref reaches it; a deleted branch looks the same.
    Undetermined where the repository's history is not whole, so that reach cannot be told.
    Innocent: a rebase or force-push of a branch whose commits nobody else names; a branch that
    was deleted after a merge by squash; a move forward; a commit that was never pushed.
    Source: git-reflog(1), gitglossary(7) "reachable"; Torres-Arias et al., On omitting commits
    and committing omissions (USENIX Security 2016).
    """
    graph = commits(timeline)
    ends = tips(timeline)
    if graph.all_reached(ends):
        return
    reached = graph.reach(ends)
    left = [name for name in graph.names if name not in reached]
    said = named(timeline).filter(pl.col("name").is_in(left))
    lost = [row for row in said.iter_rows(named=True) if row["source"] != graph.homes[row["name"]]]
    if not lost:
        return
    rows = dict(graph.facts.select("name", "row").iter_rows())
    covered, tagged = whole(timeline), _tagged(timeline)
    off, replaced = _off(timeline, [row["name"] for row in lost])
    for row in lost:
        found = off[row["name"]]
        if any(one.new is None for one in found) or row["name"] in tagged:
            continue
        if row["name"] in replaced:
            continue
        repository = graph.homes[row["name"]]
        first = found[0] if found else None
        is_whole = repository in covered and not (first and first.is_open)
        row["commit_row"], row["repository"] = rows[row["name"]], repository
        yield _draft(row, first, is_whole=is_whole)


def _tagged(timeline: Timeline) -> set[str | None]:
    """Commits off which a tag was moved."""
    graph = commits(timeline)
    tags = moves(timeline).filter(pl.col("ref").str.starts_with("refs/tags/"))
    return {graph.peel(old) for old in tags.drop_nulls(["old", "new"])["old"]}


def _off(timeline: Timeline, names: Sequence[str]) -> tuple[dict[str, list[Rewrite]], set[str]]:
    """Of each commit what moved a branch off it; and those of which a twin took the place.

    A twin is another commit with all that this one says of itself.
    """
    import numpy as np

    off: dict[str, list[Rewrite]] = {name: [] for name in names}
    replaced: set[str] = set()
    if not off:
        return off, replaced
    of = order(timeline)
    wanted = np.zeros(len(of.names), dtype=bool)
    wanted[[of.places[name] for name in off]] = True
    all_ = rewrites(timeline)
    sides = beyond(timeline, [(one.old, one.new) for one in all_])
    for one, (lost, gained) in zip(all_, sides, strict=True):
        found = lost[wanted[lost]].tolist()
        for place in found:
            off[of.names[place]].append(one)
        if found and one.new is not None and not one.is_local:
            first, _ = twins(timeline).kept(lost, gained)
            replaced.update(of.names[place] for place in first[wanted[first]].tolist())
    return off, replaced


def _draft(row: dict[str, Any], one: Rewrite | None, *, is_whole: bool) -> Draft:
    repository, commit = row["repository"], row["name"]
    verdict: Verdict = "undetermined" if not is_whole else "conflict" if one else "observation"
    events = [("named", row["row"]), ("commit", row["commit_row"])]
    steps = [
        step("states", "named", attribute=row["attribute"], value=f"git:{commit}"),
        step("unreachable", "commit", repository=repository),
    ]
    said = ""
    if one:
        events.extend(one.events)
        steps.append(one.step(f"{one.place}/{one.ref}", "commit"))
        said = f"; {one.said}"
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} names commit {commit} for {row['subject']}; it is in "
        f"{repository}, and no ref reaches it{said}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the commit would have had to be replaced as intended, for "
        "example by a rebase or a merge by squash, after the other source named it.",
        alibi="Which commits a ref reaches follows from hashes alone; no clock is involved.",
        innocent=[
            Innocent(
                "The branch was deleted after its changes were merged by squash.",
                None if not one else False,
                "A commit with the same tree on another branch would say.",
            ),
            Innocent(
                "The clone at hand is shallow or partial.",
                is_whole,
                "Its history is whole." if is_whole else "Its history is not whole.",
            ),
        ],
    )
