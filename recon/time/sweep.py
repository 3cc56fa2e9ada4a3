"""Which slices of time contradict themselves, found in one pass over time.

From one slice to the next few offsets begin and few end. Offsets of clocks that satisfied what
held before still satisfy it when some of it ends, and where a new bound is not satisfied only the
clocks that it moves are looked at. So the work is by rows, not by slices times clocks.

Source: S. Cotton, O. Maler, *Fast and Flexible Difference Constraint Propagation for DPLL(T)*
(2006): a constraint is added to satisfied ones, and contradicts them iff its own tail moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from recon.time.slices import Slices

_Bound = tuple[int, int, int, int]
"""Row, tail, head, weight."""


@dataclass(slots=True)
class Sweep:
    """What reaches over the slice that the pass has come to."""

    slices: Slices
    held: set[int] = field(default_factory=set)
    """Rows that reach over the slice, less those that were dropped."""
    _offset: list[int] = field(default_factory=list)
    """µs by clock, by which all of ``_out`` is satisfied."""
    _out: list[dict[tuple[int, int], int]] = field(default_factory=list)
    """By tail: row and head, and the weight."""
    _waiting: list[_Bound] = field(default_factory=list)
    """Bounds that are not in ``_out``, in the order of time."""

    def __iter__(self) -> Iterator[int]:
        """Slices that contradict themselves, in the order of time.

        What is dropped while one is looked at is left out of those that follow.
        """
        many = len(self.slices.clocks)
        self._offset = [0] * many
        self._out = [{} for _ in range(many)]
        begins: dict[int, list[int]] = {}
        ends: dict[int, list[int]] = {}
        edges = zip(self.slices.begin.tolist(), self.slices.end.tolist(), strict=True)
        for row, (begin, end) in enumerate(edges):
            begins.setdefault(begin, []).append(row)
            ends.setdefault(end, []).append(row)
        ways = self.slices.ends.tolist()
        for layer in range(len(self.slices.cuts) - 1):
            self.drop(ends.get(layer, ()))
            for row in begins.get(layer, ()):
                self.held.add(row)
                first, second = ways[row]
                low, high = self.slices.rows[row][4:]
                if high is not None:
                    self._waiting.append((row, first, second, high))
                if low is not None:
                    self._waiting.append((row, second, first, -low))
            if not self._satisfied():
                yield layer

    def drop(self, rows: list[int] | tuple[int, ...]) -> None:
        """Leave rows out from here on."""
        gone = self.held.intersection(rows)
        if not gone:
            return
        self.held -= gone
        for row in gone:
            first, second = self.slices.ends[row].tolist()
            self._out[first].pop((row, second), None)
            self._out[second].pop((row, first), None)
        if self._waiting:
            self._waiting = [one for one in self._waiting if one[0] not in gone]

    def _satisfied(self) -> bool:
        """Whether offsets satisfy all bounds; those that wait are taken in up to the first not."""
        for at, one in enumerate(self._waiting):
            if not self._taken(one):
                self._waiting = self._waiting[at:]
                return False
        self._waiting = []
        return True

    def _taken(self, bound: _Bound) -> bool:
        row, tail, head, weight = bound
        offset = self._offset
        if offset[tail] + weight < offset[head]:
            before = {head: offset[head]}
            offset[head] = offset[tail] + weight
            queue = deque([head])
            while queue and tail not in before:
                at = queue.popleft()
                reach = offset[at]
                for (_, other), more in self._out[at].items():
                    if reach + more < offset[other]:
                        before.setdefault(other, offset[other])
                        offset[other] = reach + more
                        queue.append(other)
            # Whatever else is negative now leads through the new bound, and so through its tail.
            if tail in before:
                for clock, was in before.items():
                    offset[clock] = was
                return False
        self._out[tail][row, head] = weight
        return True
