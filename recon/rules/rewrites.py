"""Branches that lost commits: moved other than forward, deleted, or shown apart by two clones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from recon.findings import Step
from recon.instants import say_interval
from recon.rules.base import Timeline, step
from recon.rules.commits import Commits, commits
from recon.rules.reaching import ahead
from recon.rules.refs import moves, states

BRANCH = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One branch that once reached commits, and then did not."""

    place: str
    """The repository, as the record calls it."""
    ref: str
    old: str
    new: str | None
    """None: it was deleted."""
    events: tuple[tuple[str, int], ...]
    """The records that show it: ``moved``, or ``was`` and ``is``, two clones."""
    said: str
    """In words, to stand behind ``; ``."""
    is_local: bool
    """Whether only a working repository's own branch was moved: nobody else need have seen it."""
    is_open: bool
    """Whether history is missing behind the new side, so that it may reach them after all."""

    def step(self, ref: str, commit: str) -> Step:
        """How the branch came off a commit, for the event of that role."""
        if self.events[0][0] == "moved":
            return step("not-forward", "moved", commit, ref=ref)
        return step("apart", "was", "is", commit, ref=ref)


def rewrites(timeline: Timeline) -> list[Rewrite]:
    """All of them, each once; a record that a server stamped before others of the same move."""
    return timeline.once("rewrites", _rewrites)


def _rewrites(timeline: Timeline) -> list[Rewrite]:
    graph = commits(timeline)
    found: dict[tuple[str, str, str | None], Rewrite] = {}
    for one in [*_moved(timeline, graph), *_apart(timeline, graph)]:
        key = (one.ref, one.old, one.new)
        if key not in found or (found[key].is_local and not one.is_local):
            found[key] = one
    return list(found.values())


def _moved(timeline: Timeline, graph: Commits) -> Iterator[Rewrite]:
    stamped = pl.col("basis").cast(pl.String) == "stamped"
    branches = moves(timeline).filter(
        pl.col("ref").str.starts_with(BRANCH) & pl.col("old").is_not_null()
    )
    # Of records of one move the server's own come first, whatever their time.
    branches = branches.sort(~stamped.fill_null(value=False), maintain_order=True)
    at_hand = [
        row
        for row in branches.iter_rows(named=True)
        if row["old"] in graph.places and (row["new"] is None or row["new"] in graph.places)
    ]
    moved = list({(row["new"], row["old"]): None for row in at_hand if row["new"] is not None})
    forward = dict(zip(moved, ahead(timeline, moved), strict=True))
    for row in at_hand:
        old, new = row["old"], row["new"]
        if forward.get((new, old)):
            continue
        when = f" on {say_interval(row['earliest'], row['latest'])}" if row["earliest"] else ""
        how = f"(then at {old}) was deleted" if new is None else f"was moved to {new}"
        yield Rewrite(
            row["place"],
            row["ref"],
            old,
            new,
            (("moved", row["row"]),),
            f"{row['place']}/{row['ref']} {how}{when}, by {row['source']}",
            row["is_local"],
            new is not None and graph.is_open(new),
        )


def _apart(timeline: Timeline, graph: Commits) -> Iterator[Rewrite]:
    """Clones of one repository that show one branch at different commits, or one without it."""
    shown = states(timeline).filter(
        pl.col("ref").str.starts_with(BRANCH) & ~pl.col("is_local") & pl.col("seen").is_not_null()
    )
    now: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in shown.filter("is_current").iter_rows(named=True):
        now.setdefault((row["source"], row["ref"]), []).append(row)
    mirrors = _mirrors(timeline)
    before = shown.filter(~pl.col("is_current"))
    if before.is_empty():
        return
    before = before.filter(pl.col("name").is_in(graph.names))
    pairs = {
        pair: None
        for was in before.iter_rows(named=True)
        for one in now.get((was["source"], was["ref"]), [])
        if one["name"] in graph.places
        for pair in ((one["name"], was["name"]), (was["name"], one["name"]))
    }
    forward = dict(zip(pairs, ahead(timeline, list(pairs)), strict=True))
    for was in before.iter_rows(named=True):
        old = was["name"]
        current = now.get((was["source"], was["ref"]), [])
        for now_ in current:
            yield from _pair(graph, forward, was, now_)
        mirror = mirrors.get(was["source"])
        if not current and mirror and _before(was, mirror):
            yield Rewrite(
                was["place"],
                was["ref"],
                old,
                None,
                (("was", was["row"]), ("is", mirror["seen"])),
                f"{was['clone']} shows {was['ref']} there, and {mirror['clone']}, from after it, "
                "has no such branch",
                is_local=False,
                is_open=False,
            )


def _mirrors(timeline: Timeline) -> dict[str, dict[str, Any]]:
    """By source the mirror that says how it stands: no branch of it is missing by chance."""
    shown = states(timeline).filter(pl.col("is_current") & pl.col("clone").str.contains("^mirror "))
    return {row["source"]: row for row in shown.iter_rows(named=True)}


def _before(was: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether one clone was at hand before another was fetched: both by the examiner's clock."""
    return was["seen_to"] is not None and was["seen_to"] < now["seen_from"]


def _pair(
    graph: Commits,
    forward: Mapping[tuple[str, str], bool],
    was: dict[str, Any],
    now: dict[str, Any],
) -> Iterator[Rewrite]:
    old, new = was["name"], now["name"]
    if new not in graph.places:
        return
    mirror = (now["clone"] or "").startswith("mirror ")
    # One clone ahead of the other is a push between them, unless the one behind is the later.
    if forward[new, old]:
        return
    if forward[old, new] and not (mirror and _before(was, now)):
        return
    yield Rewrite(
        was["place"],
        was["ref"],
        old,
        new,
        (("was", was["row"]), ("is", now["row"])),
        f"{was['clone']} shows {was['ref']} at {old}, and {now['clone']} at {new}",
        is_local=False,
        is_open=graph.is_open(new),
    )
