"""Laws as a graph: what comes before and after an event, and by which shortest chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Graph:
    """The laws by their ends."""

    follow: Mapping[int, Sequence[int]]
    lead: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, laws: pl.DataFrame) -> Graph:
        """From ``before`` and ``after``."""
        sides: list[dict[int, list[int]]] = [{}, {}]
        for before, after in laws.select("before", "after").iter_rows():
            sides[0].setdefault(before, []).append(after)
            sides[1].setdefault(after, []).append(before)
        return cls(*sides)

    def descendants(self, row: int, gone: set[int]) -> Iterator[int]:
        """Events that come after by laws, nearest first."""
        return _reached(row, self.follow, gone)

    def ancestors(self, row: int, gone: set[int]) -> Iterator[int]:
        """Events that come before by laws, nearest first."""
        return _reached(row, self.lead, gone)

    def chain(self, before: int, after: int, gone: set[int]) -> list[int]:
        """The fewest events from one to the other; of equals those of the first rows."""
        come = {before: before}
        layer = [before]
        while layer and after not in come:
            grown: dict[int, int] = {}
            for at in layer:
                for head in self.follow.get(at, ()):
                    if head not in come and head not in gone:
                        grown.setdefault(head, at)
            come |= grown
            layer = sorted(grown)
        path = [after]
        while path[-1] != before:
            path.append(come[path[-1]])
        return path[::-1]


def _reached(row: int, edges: Mapping[int, Sequence[int]], gone: set[int]) -> Iterator[int]:
    """Nearest first, one by one: whoever has seen enough stops there."""
    seen = {row}
    queue = [row]
    for at in queue:
        for one in edges.get(at, ()):
            if one not in seen and one not in gone:
                seen.add(one)
                queue.append(one)
                yield one
