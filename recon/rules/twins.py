"""Commits that say the same of themselves under different names."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from recon.rules.commits import Commits

_DATED = ["author_clock", "author_at", "title"]
_KEPT = [*_DATED, "clock", "at"]


def kept(graph: Commits, lost: Collection[str], gained: Collection[str]) -> pl.DataFrame:
    """Pairs of commits with one author, committer, both dates and title.

    Columns ``name``, ``row``, ``tree``, ``at`` of the lost one, and the same with ``_twin``. What
    is not unique on both sides, as when a script makes several commits in one second, is left out.
    """
    sides = [
        graph.facts.filter(pl.col("name").is_in(list(names)))
        .filter(pl.all_horizontal(pl.col(name).is_not_null() for name in _KEPT))
        .filter(pl.len().over(_KEPT) == 1)
        for names in (lost, gained)
    ]
    return (
        sides[0]
        .join(sides[1], on=_KEPT, suffix="_twin", maintain_order="left")
        .filter(pl.col("name") != pl.col("name_twin"))
        .sort("at", "row")
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
