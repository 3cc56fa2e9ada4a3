"""The commits of all repositories of a case as one graph, and what is reached in it from where.

A commit's name is the hash of its bytes, its parents' names among them: one name is one commit,
whichever clone has it, and no clone can give it other parents.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import polars as pl

from recon.rules.base import Timeline

_LINKS = 16
"""Tags of tags that are followed."""
FACTS = ("name", "row", "tree", "clock", "at", "author_clock", "author_at", "title")


@dataclass(frozen=True)
class Commits:
    """Names are without ``git:``. A commit's place is its number among those at hand."""

    links: pl.DataFrame
    """``place`` and ``above``, that of a parent of it; null where it is not at hand. In order."""
    targets: Mapping[str, str]
    """Of each tag object what it names."""
    told: pl.DataFrame
    """By place what is kept of each: :data:`FACTS` without those of its author; ``source``, the
    first by name of those that have it; ``item`` and ``citation``."""
    authors: pl.LazyFrame
    """``source``, ``item``, ``citation``, ``author_clock``, ``author_at``."""

    @classmethod
    def of(cls, timeline: Timeline) -> Commits:
        """All that the timeline has of them."""
        own = (
            timeline.kind("git.commit")
            .select(
                *("source", "item", "citation", "row", "clock", "value", "names"),
                at="earliest",
                name=pl.col("digest").str.strip_prefix("git:"),
            )
            .collect(engine="streaming")
            .sort("source", "row")
            .unique("name", keep="first", maintain_order=True)
        )
        authors = timeline.kind("git.author").select(
            "source", "item", "citation", author_clock="clock", author_at="earliest"
        )
        count = pl.col("value").str.extract(r"^parents=([0-9]+) ").cast(pl.UInt32)
        first = pl.col("names").list.first().str.strip_prefix("git:")
        told = own.select(
            *("name", "row", "clock", "at", "source", "item", "citation"),
            tree=pl.when(count.is_not_null()).then(first),
            title=pl.col("value").str.extract(r"^parents=[0-9]+ title=([\s\S]*)$"),
        )
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
        # A record that does not count its parents names them among others.
        links = own.select(
            counted=count.is_not_null(),
            parent=pl.when(count.is_not_null())
            .then(pl.col("names").list.slice(1, count))
            .otherwise("names"),
        )
        return cls(_linked(own["name"], links), targets, told, authors)

    @classmethod
    def linked(cls, parents: Mapping[str, Sequence[str]]) -> Commits:
        """Of each commit its parents, and nothing else."""
        links = pl.DataFrame(
            {"parent": list(parents.values())}, schema={"parent": pl.List(pl.String)}
        ).with_columns(counted=pl.lit(value=True))
        told = pl.DataFrame({"name": list(parents)}, schema={"name": pl.String})
        return cls(
            _linked(told["name"], links),
            {},
            told.with_row_index("row").cast({"row": pl.UInt64}),
            pl.LazyFrame(),
        )

    @cached_property
    def names(self) -> Sequence[str]:
        """By place."""
        return self.told["name"].to_list()

    @cached_property
    def above(self) -> Sequence[Sequence[int]]:
        """Of each commit the places of its parents that are at hand."""
        import numpy as np

        here = self.links.drop_nulls("above")
        count = np.bincount(here["place"].to_numpy(), minlength=len(self.told))
        above = here["above"].to_list()
        return [above[begin:end] for begin, end in pairwise([0, *np.cumsum(count).tolist()])]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Of each commit at hand its place."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def homes(self) -> Mapping[str, str]:
        """Of each commit the source that has it, the first by name of several."""
        return dict(zip(self.names, self.told["source"].to_list(), strict=True))

    @cached_property
    def facts(self) -> pl.DataFrame:
        """:data:`FACTS`: one row a commit, with what its bytes say of it."""
        place = ["source", "item", "citation"]
        both = self.told.lazy().join(self.authors, on=place, how="left", maintain_order="left")
        return both.unique("name", keep="first", maintain_order=True).select(FACTS).collect()

    def peel(self, name: str | None) -> str | None:
        """The object behind tags of tags."""
        for _ in range(_LINKS):
            if name is None or name not in self.targets:
                break
            name = self.targets[name]
        return name

    def all_reached(self, tips: Iterable[str | None]) -> bool:
        """Whether the tips surely reach all commits at hand, told without a walk.

        So it is where each commit is a tip, or has a child that stands behind it in the timeline,
        whatever that goes by: the last is a tip, and all before it lead to one.
        """
        import numpy as np

        row = self.told["row"].cast(pl.Int64).to_numpy()
        here = self.links.drop_nulls("above")
        last = np.full(len(row), -1)
        np.maximum.at(last, here["above"].to_numpy(), row[here["place"].to_numpy()])
        ends = pl.Series([self.peel(tip) for tip in tips], dtype=pl.String).drop_nulls()
        is_tip = self.told["name"].is_in(ends.implode()).to_numpy()
        return bool(((last > row) | is_tip).all())

    def reach(self, tips: Iterable[str | None]) -> set[str]:
        """All commits at hand that the tips reach, themselves included."""
        ends = {end for tip in tips if (end := self.peel(tip)) in self.places}
        return self._walked(self.places[end] for end in ends if end is not None)

    def left(self, tip: str, reached: Container[str]) -> set[str]:
        """Commits at hand that the tip reaches and that are not among those reached otherwise.

        ``reached`` holds with a commit all that it reaches: the walk goes no further.
        """
        return self._walked([self.places[tip]] if tip in self.places else [], reached)

    def _walked(self, tips: Iterable[int], but: Container[str] = ()) -> set[str]:
        names, above = self.names, self.above
        met: set[int] = set()
        stack = list(tips)
        # A walk of a graph: no join gives a closure.
        while stack:
            place = stack.pop()
            if place not in met and not (but and names[place] in but):
                met.add(place)
                stack.extend(above[place])
        return {names[place] for place in met}

    def is_open(self, name: str | None) -> bool:
        """Whether a parent of it, or of a commit that it reaches, is not at hand."""
        return name is None or name not in self.places or self.places[name] in self._open

    @cached_property
    def _open(self) -> set[int]:
        left = self.links.filter(pl.col("above").is_null())["place"].to_list()
        if not left:
            return set()
        children: dict[int, list[int]] = {}
        for place, above in enumerate(self.above):
            for one in above:
                children.setdefault(one, []).append(place)
        found: set[int] = set()
        while left:
            place = left.pop()
            if place not in found:
                found.add(place)
                left.extend(children.get(place, ()))
        return found


def _linked(names: pl.Series, links: pl.DataFrame) -> pl.DataFrame:
    """:attr:`Commits.links`.

    Args:
        names: of the commits at hand.
        links: of each the names that it gives, ``parent``; ``counted``, whether these are its
            parents and no others.
    """
    known = names.to_frame("parent").with_row_index("above")
    return (
        links.with_row_index("place")
        .explode("parent", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("parent").str.strip_prefix("git:"))
        .join(known, on="parent", how="left", maintain_order="left")
        .filter(pl.col("above").is_not_null() | pl.col("counted"))
        .select("place", "above")
    )


def commits(timeline: Timeline) -> Commits:
    """The graph, made once for all rules."""
    return timeline.once("commits", Commits.of)
