"""The commits of all repositories of a case as one graph, and what is reached in it from where.

A commit's name is the hash of its bytes, its parents' names among them: one name is one commit,
whichever clone has it, and no clone can give it other parents.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from recon.rules.base import Timeline

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
    _open: set[str] | None = None

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

    def left(self, tip: str, reached: Container[str]) -> set[str]:
        """Commits at hand that the tip reaches and that are not among those reached otherwise.

        ``reached`` holds with a commit all that it reaches: the walk goes no further.
        """
        left: set[str] = set()
        stack = [tip]
        while stack:
            commit = stack.pop()
            if commit in self.parents and commit not in left and commit not in reached:
                left.add(commit)
                stack.extend(self.parents[commit])
        return left

    def is_open(self, name: str | None) -> bool:
        """Whether a parent of it, or of a commit that it reaches, is not at hand."""
        if self._open is None:
            self._open = self._below_gaps()
        return name is None or name not in self.parents or name in self._open

    def _below_gaps(self) -> set[str]:
        known = self.parents
        gaps = [name for name, above in known.items() if any(one not in known for one in above)]
        if not gaps:
            return set()
        children: dict[str, list[str]] = {}
        for name, above in known.items():
            for one in above:
                children.setdefault(one, []).append(name)
        found: set[str] = set()
        while gaps:
            name = gaps.pop()
            if name not in found:
                found.add(name)
                gaps.extend(children.get(name, ()))
        return found


def commits(timeline: Timeline) -> Commits:
    """The graph, made once for all rules."""
    return timeline.once("commits", Commits.of)
