"""Offsets between clocks as a network of difference constraints.

A node is a clock; an edge *tail → head* of weight *w* says D(head) − D(tail) ≤ w, with D the
offset of a clock (its reading less the true time). Shortest paths are the tightest bounds between
any two clocks, and a cycle of negative weight proves that its constraints cannot all hold.

Source: R. Dechter, I. Meiri, J. Pearl, *Temporal Constraint Networks*, Artificial Intelligence 49
(1991): simple temporal problems, and theorem 3.1 on negative cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """D(head) − D(tail) ≤ weight."""

    weight: int
    """µs."""
    tail: str
    head: str
    before: int
    """The earlier event of the pair that gives it: row of the timeline."""
    after: int
    """The later one."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Edges, each beginning where the one before ends, whose weights sum to less than zero.

    It is simple (no clock twice), so it is minimal: without any one of its edges the others
    form a path, and a path of difference constraints can always be satisfied.
    """

    edges: Sequence[Edge]

    @property
    def weight(self) -> int:
        """µs, negative: by how much the constraints miss each other."""
        return sum(edge.weight for edge in self.edges)

    def without(self, edge: Edge) -> int:
        """µs: the least weight that ``edge`` could have for the others to allow it."""
        return edge.weight - self.weight


@dataclass(slots=True)
class Network:
    """The tightest edge between each two clocks."""

    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)

    @classmethod
    def of(cls, edges: Iterable[Edge]) -> Network:
        """From any number of edges; of equal ones the first by rows counts."""
        network = cls()
        for edge in edges:
            network.add(edge)
        return network

    def add(self, edge: Edge) -> None:
        """Keep the edge if none as tight is there."""
        key = (edge.tail, edge.head)
        if key not in self.edges or edge < self.edges[key]:
            self.edges[key] = edge

    @property
    def clocks(self) -> list[str]:
        """All clocks, sorted."""
        return sorted({clock for key in self.edges for clock in key})

    def cycle(self) -> Cycle | None:
        """A negative cycle of the fewest edges; of these the heaviest, then by names and rows.

        Walks are grown one edge at a time (Bellman 1958), so the first closed walk below zero has
        as few edges as any, and is simple: a part of it that closed earlier would have been
        found, or weighs nothing and could be left out.
        """
        clocks = self.clocks
        if self._feasible(clocks):
            return None
        out: dict[str, list[Edge]] = {clock: [] for clock in clocks}
        for edge in sorted(self.edges.values(), key=lambda edge: (edge.tail, edge.head)):
            out[edge.tail].append(edge)
        walks: Mapping[tuple[str, str], tuple[int, tuple[Edge, ...]]] = {
            (clock, clock): (0, ()) for clock in clocks
        }
        for _ in clocks:
            grown: dict[tuple[str, str], tuple[int, tuple[Edge, ...]]] = {}
            for (start, end), (weight, walk) in walks.items():
                for edge in out[end]:
                    key = (start, edge.head)
                    found = (weight + edge.weight, (*walk, edge))
                    if key not in grown or found < grown[key]:
                        grown[key] = found
            closed = [walk for (start, end), walk in grown.items() if start == end and walk[0] < 0]
            if closed:
                return Cycle(_turned(min(closed)[1]))
            walks = grown
        return None

    def _feasible(self, clocks: Sequence[str]) -> bool:
        """Whether offsets exist that satisfy every edge (Bellman and Ford, from all clocks)."""
        offset = dict.fromkeys(clocks, 0)
        for _ in range(len(clocks) + 1):
            changed = False
            for (tail, head), edge in self.edges.items():
                if offset[tail] + edge.weight < offset[head]:
                    offset[head] = offset[tail] + edge.weight
                    changed = True
            if not changed:
                return True
        return False

    def paths(self) -> dict[tuple[str, str], tuple[Edge, ...]]:
        """The tightest path from each clock to each other that it reaches (Floyd 1962).

        Raises:
            ValueError: there is a negative cycle, and so no tightest path.
        """
        best: dict[tuple[str, str], tuple[int, tuple[Edge, ...]]] = {
            key: (edge.weight, (edge,)) for key, edge in self.edges.items()
        }
        clocks = self.clocks
        for middle in clocks:
            for tail in clocks:
                first = best.get((tail, middle))
                if first is None:
                    continue
                for head in clocks:
                    second = best.get((middle, head))
                    if second is None:
                        continue
                    weight = first[0] + second[0]
                    if tail == head:
                        if weight < 0:
                            raise ValueError("a negative cycle: remove it first")
                        continue
                    known = best.get((tail, head))
                    if known is None or weight < known[0]:
                        best[tail, head] = (weight, (*first[1], *second[1]))
        return {key: path for key, (_, path) in best.items() if key[0] != key[1]}


def weight(path: Iterable[Edge]) -> int:
    """µs: what the edges of a path sum to."""
    return sum(edge.weight for edge in path)


def _turned(walk: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """The cycle from the least of its clocks on, so that equal cycles are equal."""
    first = min(range(len(walk)), key=lambda at: walk[at].tail)
    return walk[first:] + walk[:first]
