"""The commits of all repositories of a case as one graph, and what is reached in it from where.

A commit's name is the hash of its bytes, its parents' names among them: one name is one commit,
whichever clone has it, and no clone can give it other parents.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from recon.rules.base import Timeline

_LEFT, _RIGHT = 1, 2
_LINKS = 16
"""Tags of tags that are followed."""
FACTS = ("name", "row", "tree", "clock", "at", "author_clock", "author_at", "title")


@dataclass(slots=True)
class Commits:
    """Names are without ``git:``."""

    parents: dict[str, Sequence[str]]
    """Of each commit that is at hand, those that are not at hand too."""
    targets: dict[str, str]
    """Of each tag object what it names."""
    facts: pl.DataFrame
    """:data:`FACTS`: one row a commit, with what its bytes say of it."""
    homes: dict[str, str]
    """Of each commit the source that has it, the first by name of several."""
    _heights: dict[str, int] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, timeline: Timeline) -> Commits:
        """All that the timeline has of them."""
        own = (
            timeline.kind("git.commit")
            .sort("source", "row")
            .select(
                *("source", "item", "citation", "row", "clock", "value"),
                at="earliest",
                name=pl.col("digest").str.strip_prefix("git:"),
                names=pl.col("names").list.eval(pl.element().str.strip_prefix("git:")),
            )
            .unique("name", keep="first", maintain_order=True)
            .collect()
        )
        authors = timeline.kind("git.author").select(
            "source", "item", "citation", author_clock="clock", author_at="earliest"
        )
        count = pl.col("value").str.extract(r"^parents=([0-9]+) ").cast(pl.UInt32)
        told = own.lazy().join(authors, on=["source", "item", "citation"], how="left")
        facts = told.select(
            *("name", "row", "clock", "at", "author_clock", "author_at"),
            tree=pl.when(count.is_not_null()).then(pl.col("names").list.first()),
            title=pl.col("value").str.extract(r"^parents=[0-9]+ title=([\s\S]*)$"),
        ).unique("name", keep="first", maintain_order=True)
        known = set(own["name"])
        # A record that does not count its parents names them among others.
        named = own.select(
            "name", "names", parents=pl.col("names").list.slice(1, count), counted=count
        )
        parents = {
            name: listed if counted is not None else [one for one in names if one in known]
            for name, names, listed, counted in named.iter_rows()
        }
        tags = (
            timeline.kind("git.tag")
            .select("digest", target=pl.col("names").list.first())
            .drop_nulls()
            .unique(maintain_order=True)
            .collect()
        )
        targets = {
            tag.removeprefix("git:"): target.removeprefix("git:") for tag, target in tags.rows()
        }
        homes = dict(own.select("name", "source").iter_rows())
        return cls(parents, targets, facts.select(FACTS).collect(), homes)

    def peel(self, name: str | None) -> str | None:
        """The object behind tags of tags."""
        for _ in range(_LINKS):
            if name is None or name not in self.targets:
                break
            name = self.targets[name]
        return name

    def reach(self, tips: Iterable[str | None]) -> set[str]:
        """All commits at hand that the tips reach, themselves included."""
        reached: set[str] = set()
        stack = [self.peel(tip) for tip in tips]
        # A walk of a graph: no join gives a closure.
        while stack:
            commit = stack.pop()
            if commit is not None and commit not in reached and commit in self.parents:
                reached.add(commit)
                stack.extend(self.parents[commit])
        return reached

    def beyond(self, old: str, new: str) -> set[str]:
        """Commits that ``old`` reaches and ``new`` does not; empty where ``new`` is ahead of it.

        As ``git rev-list OLD ^NEW``. Both must be at hand.
        """
        return set(self._beyond(old, new))

    def is_ahead(self, new: str, old: str) -> bool:
        """Whether ``new`` reaches ``old``, as after a push that only adds; both at hand."""
        return next(self._beyond(old, new), None) is None

    def _beyond(self, old: str, new: str) -> Iterator[str]:
        """The highest first, until nothing is left that ``old`` alone reaches."""
        heights = self.heights()
        flags = {name: flag for name, flag in ((old, _LEFT), (new, _RIGHT)) if name in heights}
        if old == new or len(flags) < len((old, new)):
            return
        heap = [(-heights[name], name) for name in flags]
        heapq.heapify(heap)
        only = 1
        while heap and only:
            _, name = heapq.heappop(heap)
            flag = flags[name]
            if flag == _LEFT:
                only -= 1
                yield name
            for parent in self.parents[name]:
                had = flags.get(parent, 0)
                if parent not in heights or had | flag == had:
                    continue
                flags[parent] = had | flag
                if not had:
                    heapq.heappush(heap, (-heights[parent], parent))
                only += (had | flag == _LEFT) - (had == _LEFT)

    def is_open(self, name: str | None) -> bool:
        """Whether a parent of it, or of a commit that it reaches, is not at hand."""
        self.heights()
        return name is None or name not in self.parents or name in self._open

    def heights(self) -> dict[str, int]:
        """Of each commit the most commits that lie one behind another below it."""
        if self._heights or not self.parents:
            return self._heights
        heights = self._heights
        for start in self.parents:
            stack = [start]
            while stack:
                name = stack[-1]
                if name in heights:
                    stack.pop()
                    continue
                above = self.parents[name]
                waiting = [one for one in above if one in self.parents and one not in heights]
                if waiting:
                    stack.extend(waiting)
                    continue
                heights[name] = 1 + max((heights.get(one, 0) for one in above), default=0)
                if any(one not in self.parents or one in self._open for one in above):
                    self._open.add(name)
                stack.pop()
        return heights


def commits(timeline: Timeline) -> Commits:
    """The graph, made once for all rules."""
    return timeline.once("commits", Commits.of)
