"""Commits that say the same of themselves under different names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from recon.rules.base import Timeline
from recon.rules.commits import Commits, commits
from recon.rules.reaching import order

if TYPE_CHECKING:
    from recon.rules.reaching import Places

_DATED = ["author_clock", "author_at", "title"]
_KEPT = [*_DATED, "clock", "at"]


@dataclass(frozen=True, slots=True)
class Twins:
    """What each commit says of itself, as numbers, by place in :class:`Order`."""

    facts: pl.DataFrame
    """``name``, ``row``, ``tree``, ``at``."""
    said: Places
    """Alike for commits of one author, committer, both dates and title; −1 where one is not there.
    """
    rank: Places
    """In order of time, then of the timeline."""

    def kept(self, lost: Places, gained: Places) -> tuple[Places, Places]:
        """Pairs of a lost and a gained commit of which all of that is alike, in order of time.

        What is not unique on both sides, as when a script makes several commits in one second, is
        left out.
        """
        import numpy as np

        (one, first), (two, second) = (self._unique(side) for side in (lost, gained))
        _, at, by = np.intersect1d(one, two, assume_unique=True, return_indices=True)
        first, second = first[at], second[by]
        apart = first != second
        first, second = first[apart], second[apart]
        sort = np.argsort(self.rank[first], kind="stable")
        return first[sort], second[sort]

    def _unique(self, places: Places) -> tuple[Places, Places]:
        import numpy as np

        places = places[self.said[places] >= 0]
        said, first, count = np.unique(self.said[places], return_index=True, return_counts=True)
        return said[count == 1], places[first[count == 1]]

    def frame(self, lost: Places, gained: Places) -> pl.DataFrame:
        """:attr:`facts` of the lost ones, and of each its twin's behind ``_twin``."""
        return self.facts[lost].hstack(
            self.facts[gained].rename(lambda name: f"{name}_twin").get_columns()
        )


def twins(timeline: Timeline) -> Twins:
    """Made once for all rules."""
    return timeline.once("twins", _twins)


def _twins(timeline: Timeline) -> Twins:
    names = pl.DataFrame({"name": order(timeline).names}, schema={"name": pl.String})
    facts = names.join(commits(timeline).facts, on="name", how="left", maintain_order="left")
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in _KEPT)
    found = facts.select(
        said=pl.when(whole).then(pl.struct(_KEPT).rank("dense").cast(pl.Int64)).otherwise(-1),
        rank=pl.struct("at", "row").rank("ordinal").cast(pl.Int64),
    )
    return Twins(
        facts.select("name", "row", "tree", "at"),
        found["said"].to_numpy(),
        found["rank"].to_numpy(),
    )


def carried(graph: Commits, lost: Collection[str], reached: Collection[str]) -> set[str]:
    """Of the lost commits those whose change stands elsewhere under its author and date.

    A rebase, a cherry-pick and a mailed patch keep author, author's date and title.
    """
    facts = graph.facts.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in _DATED))
    elsewhere = facts.filter(pl.col("name").is_in(list(reached)))
    own = facts.filter(pl.col("name").is_in(list(lost)))
    return set(own.join(elsewhere, on=_DATED, how="semi")["name"].to_list())


def same_tree(graph: Commits, tip: str, reached: Collection[str]) -> bool:
    """Whether some reached commit has the very files of the tip, as a merge by squash leaves."""
    trees = graph.facts.filter(pl.col("name") == tip)["tree"].drop_nulls()
    if trees.is_empty():
        return False
    there = graph.facts.filter(pl.col("tree") == trees[0])["name"].to_list()
    return any(name in reached for name in there)
