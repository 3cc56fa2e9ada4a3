"""Refs that moved other than forward, past a commit that another source names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step


@rule("rewritten-ref", needs=("git.commit", "git.ref"))
def rewritten_ref(timeline: Timeline) -> Iterator[Draft]:
    """A ref was rewritten iff a reflog moves it off a commit that another source names.

    And no ref of the repository reaches that commit any more.

    Observation where no reflog is at hand: the commit is named, it is in the repository, and no
    ref reaches it; a deleted branch looks the same.
    Undetermined where the repository's history is not whole, so that reach cannot be told.
    Innocent: a rebase or force-push of a branch whose commits nobody else names; a branch that
    was deleted after a merge by squash; a move forward.
    Source: git-reflog(1), gitglossary(7) "reachable"; Torres-Arias et al., On omitting commits
    and committing omissions (USENIX Security 2016).
    """
    # A tag of its own id leads on to what it names, as a commit does to its parents.
    objects = timeline.kind("git.commit", "git.tag")
    graph = objects.select("source", "digest", "names").collect()
    commits = timeline.kind("git.commit").select("source", "digest", "row").collect()
    named = _named(timeline).collect()
    known = commits.select("source", "digest", commit_row="row").unique(
        ["source", "digest"], keep="first", maintain_order=True
    )
    suspects = named.join(known, on="digest", suffix="_repository")
    if suspects.is_empty():
        return
    tips = timeline.kind("git.ref").select("source", "digest").collect()
    whole = set(
        timeline.coverage.filter(pl.col("kind") == "git.commit").collect()["source"].to_list()
    )
    moves = timeline.kind("git.reflog").collect()
    for (repository,), group in suspects.group_by("source_repository", maintain_order=True):
        parents = _parents(graph.filter(pl.col("source") == repository))
        reached = _reach(parents, tips.filter(pl.col("source") == repository)["digest"].to_list())
        lost = group.filter(~pl.col("digest").is_in(list(reached)))
        of_repository = moves.filter(pl.col("source") == repository)
        for row in lost.sort("row").iter_rows(named=True):
            move = _moved_off(of_repository, parents, row["digest"])
            yield _draft(row, move, is_whole=repository in whole)


def _named(timeline: Timeline) -> pl.LazyFrame:
    """Commits that other sources name as a claim, once per source and subject."""
    return (
        timeline.kind("claim")
        .filter(pl.col("digest").str.starts_with("git:"))
        .sort("row")
        .unique(["source", "subject", "digest"], keep="first", maintain_order=True)
        .select("row", "source", "subject", "attribute", "digest")
    )


def _parents(graph: pl.DataFrame) -> dict[str, list[str]]:
    """Names of a commit's event are its parents and its tree; trees are not in the graph."""
    known = set(graph["digest"])
    return {
        digest: [name for name in names if name in known]
        for digest, names in zip(graph["digest"], graph["names"], strict=True)
    }


def _reach(parents: Mapping[str, list[str]], tips: list[str | None]) -> set[str]:
    """All commits that the tips reach. A walk of a graph: no join gives a closure."""
    reached: set[str] = set()
    stack = [tip for tip in tips if tip is not None]
    while stack:
        commit = stack.pop()
        if commit not in reached:
            reached.add(commit)
            stack.extend(parents.get(commit, ()))
    return reached


def _moved_off(
    moves: pl.DataFrame, parents: Mapping[str, list[str]], commit: str
) -> dict[str, Any] | None:
    """The first reflog entry whose old side reaches the commit and whose new side does not."""
    for move in moves.sort("earliest", "row").iter_rows(named=True):
        old, new = (f"git:{name}" for name in (move["value"] or " ").split(" ", 1))
        if commit in _reach(parents, [old]) and commit not in _reach(parents, [new]):
            return move
    return None


def _draft(row: dict[str, Any], move: dict[str, Any] | None, *, is_whole: bool) -> Draft:
    repository, commit = row["source_repository"], row["digest"].removeprefix("git:")
    verdict: Verdict = "undetermined" if not is_whole else "conflict" if move else "observation"
    events = [("named", row["row"]), ("commit", row["commit_row"])]
    steps = [
        step("states", "named", attribute=row["attribute"], value=row["digest"]),
        step("unreachable", "commit", repository=repository),
    ]
    said = ""
    if move:
        events.append(("moved", move["row"]))
        steps.append(step("not-forward", "moved", "commit", ref=move["subject"]))
        said = (
            f"; {move['subject']} was moved off it on "
            f"{say_interval(move['earliest'], move['latest'])}"
        )
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
                None if not move else False,
                "A commit with the same tree on another branch would say.",
            ),
            Innocent(
                "The clone at hand is shallow or partial.",
                is_whole,
                "Its history is whole." if is_whole else "Its history is not whole.",
            ),
        ],
    )
