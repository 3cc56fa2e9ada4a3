"""Two records that put one tag of one repository at different objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from recon.instants import say_interval
from recon.rules.base import Timeline
from recon.rules.commits import Commits, commits
from recon.rules.refs import moves, states

TAG = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Moved:
    """A tag that was at one object and is at another."""

    place: str
    ref: str
    old: str
    """Name of the object: a commit, or a tag object that is not at hand."""
    new: str
    events: tuple[tuple[str, int], ...]
    """``moved``: one record of the move; ``was`` and ``is``: two that show it."""
    said: str
    """In words."""
    is_certain: bool
    """Whether both objects are at hand, so that two names are two commits."""
    own: frozenset[str] = frozenset()
    """Of the two those at which a working repository shows it: its owner may have set it there."""


def tags_moved(timeline: Timeline) -> list[Moved]:
    """All of them, each once: moves on record before those that only clones show."""
    if not any(
        frame["ref"].str.starts_with(TAG).any() for frame in (moves(timeline), states(timeline))
    ):
        return []
    graph = commits(timeline)
    found: dict[tuple[str, str, str], Moved] = {}
    seen: set[tuple[str, str]] = set()
    for one in (*_recorded(timeline, graph), *_shown(timeline, graph)):
        # Clones show the ends of what a record has in full.
        if len(one.events) > 1 and {(one.ref, one.old), (one.ref, one.new)} <= seen:
            continue
        found.setdefault((one.ref, one.old, one.new), one)
        seen |= {(one.ref, one.old), (one.ref, one.new)}
    return list(found.values())


def _differ(graph: Commits, old: str, new: str) -> tuple[str, str, bool] | None:
    """The two objects behind tags of tags, and whether both are at hand; None where they agree."""
    one, other = (graph.peel(name) or name for name in (old, new))
    if one == other:
        return None
    return one, other, one in graph.places and other in graph.places


def _recorded(timeline: Timeline, graph: Commits) -> Iterator[Moved]:
    """Moves on record; a tag that was deleted and made anew elsewhere was moved too."""
    at: dict[tuple[str, str], dict[str, Any]] = {}
    tags = moves(timeline).filter(pl.col("ref").str.starts_with(TAG) & ~pl.col("is_local"))
    for row in tags.iter_rows(named=True):
        key, old = (row["place"], row["ref"]), row["old"]
        before = at.get(key)
        how = "moved"
        if old is None and before is not None:
            # What is not there before a push was deleted, whether that is on record or not.
            old, how = before["new"] or before["old"], "deleted and set anew"
        at[key] = row
        if old is None or row["new"] is None:
            continue
        ends = _differ(graph, old, row["new"])
        if ends is None:
            continue
        when = f" on {say_interval(row['earliest'], row['latest'])}" if row["earliest"] else ""
        name = f"{row['place']}/{row['ref']}"
        said = f"{name} was {how} from {ends[0]} to {ends[1]}{when}, by {row['source']}"
        events = (("moved", row["row"]),)
        yield Moved(row["place"], row["ref"], ends[0], ends[1], events, said, ends[2])


def _shown(timeline: Timeline, graph: Commits) -> Iterator[Moved]:
    """Clones, or a forge's last push and the clone that says how the repository stands."""
    shown = states(timeline).filter(pl.col("ref").str.starts_with(TAG))
    now = {
        (row["source"], row["ref"]): row for row in shown.filter("is_current").iter_rows(named=True)
    }
    pairs = [
        (was["place"], was, f"{was['clone'] or 'another clone'}")
        for was in shown.filter(pl.col("seen").is_not_null()).iter_rows(named=True)
    ]
    for place, was, clone in [*pairs, *_pushed(timeline, graph)]:
        is_ = now.get((was["source"], was["ref"]))
        if is_ is None or is_["row"] == was["row"]:
            continue
        ends = _differ(graph, was["name"], is_["name"])
        if ends is None:
            continue
        said = (
            f"{clone} has {was['ref']} of {place} at {ends[0]}, and "
            f"{is_['clone'] or is_['source']} has it at {ends[1]}"
        )
        events = (("was", was["row"]), ("is", is_["row"]))
        sides = zip((was, is_), ends[:2], strict=True)
        own = frozenset(end for row, end in sides if row["is_local"])
        yield Moved(place, was["ref"], ends[0], ends[1], events, said, ends[2], own)


def _pushed(timeline: Timeline, graph: Commits) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The last push of each tag that forges record, as if a clone showed it.

    A forge's repository is a source's where its pushes name that source's commits, and no other
    repository of a forge does: of two, one is a fork, whose tags are its own.
    """
    pushes = moves(timeline).filter(~pl.col("place").str.starts_with("git:"))
    if pushes.is_empty():
        return
    ends = pushes.select("place", name="new").drop_nulls().unique(maintain_order=True)
    found = [graph.homes.get(graph.peel(name) or "") for name in ends["name"]]
    homes = ends.with_columns(home=pl.Series(found, dtype=pl.String)).drop_nulls("home")
    alone = (
        homes.select("place", "home")
        .unique()
        .filter((pl.len().over("home") == 1) & (pl.len().over("place") == 1))
    )
    source = dict(alone.iter_rows())
    last = (
        pushes.filter(pl.col("ref").str.starts_with(TAG) & pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        .unique(["place", "ref"], keep="last", maintain_order=True)
    )
    for row in last.drop_nulls("new").iter_rows(named=True):
        if row["place"] in source:
            was = {**row, "source": source[row["place"]], "name": row["new"]}
            yield row["place"], was, f"the last push that {row['source']} records"
