"""What the two sides of many pushes reach, all of them in a few passes over the commits.

A walk for each push would pass the whole history again and again: a hundred pushes over a hundred
thousand commits are minutes. Here each commit holds the tips that reach it as bits of one number,
for some hundred tips at once. A pass goes from children to parents, and hands the bits on. Commits
of one number are a region of the history; what one side reaches alone is a few regions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.rules.base import Timeline
from recon.rules.commits import Commits, commits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

_AT_ONCE = 256
"""Pushes of one pass: two bits each."""
_NEAR = 64
"""First parents that are followed before a pass is made: most pushes add a few commits."""


@dataclass(frozen=True, slots=True)
class Order:
    """Commits by place: parents come before their children."""

    names: Sequence[str]
    places: dict[str, int]
    above: Sequence[Sequence[int]]
    """Of each commit the places of its parents that are at hand."""

    @classmethod
    def of(cls, graph: Commits) -> Order:
        """All commits at hand (Kahn 1962)."""
        above = graph.above
        waiting = [len(own) for own in above]
        children: dict[int, list[int]] = {}
        for one, own in enumerate(above):
            for parent in own:
                children.setdefault(parent, []).append(one)
        found = [one for one, count in enumerate(waiting) if not count]
        for one in found:
            for child in children.get(one, ()):
                waiting[child] -= 1
                if not waiting[child]:
                    found.append(child)
        at = {one: place for place, one in enumerate(found)}
        names = [graph.names[one] for one in found]
        near = [[at[parent] for parent in above[one]] for one in found]
        return cls(names, {name: place for place, name in enumerate(names)}, near)

    def regions(self, tips: Sequence[int]) -> dict[int, list[int]]:
        """Places by the tips that reach them: bit n stands for tip n."""
        bits = [0] * (max(tips, default=-1) + 1)
        for number, tip in enumerate(tips):
            bits[tip] |= 1 << number
        found: dict[int, list[int]] = {}
        above = self.above
        for place in range(len(bits) - 1, -1, -1):
            mine = bits[place]
            if mine:
                found.setdefault(mine, []).append(place)
                for one in above[place]:
                    bits[one] |= mine
        return found


def order(timeline: Timeline) -> Order:
    """The order, made once for all rules."""
    return timeline.once("commit-order", lambda own: Order.of(commits(own)))


def beyond(
    timeline: Timeline, pairs: Sequence[tuple[str, str | None]]
) -> Iterator[tuple[Places, Places]]:
    """For each pair of an old and a new tip the places that only the old reaches, only the new.

    As ``git rev-list OLD ^NEW`` and ``NEW ^OLD``. Both must be at hand; None reaches nothing.
    """
    import numpy as np

    if not pairs:
        return
    places = order(timeline).places
    for begin in range(0, len(pairs), _AT_ONCE):
        some = pairs[begin : begin + _AT_ONCE]
        tips = {tip: None for pair in some for tip in pair if tip is not None}
        numbers = {tip: number for number, tip in enumerate(tips)}
        found = order(timeline).regions([places[tip] for tip in tips])
        regions = [(bits, np.array(those, dtype=np.int64)) for bits, those in found.items()]
        nothing = np.array([], dtype=np.int64)
        for old, new in some:
            left = 1 << numbers[old]
            right = 0 if new is None else 1 << numbers[new]
            sides: tuple[list[Places], list[Places]] = ([nothing], [nothing])
            for bits, those in regions:
                if bool(bits & left) != bool(bits & right):
                    sides[bool(bits & right)].append(those)
            yield np.concatenate(sides[0]), np.concatenate(sides[1])


def ahead(timeline: Timeline, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """For each pair of a new and an old tip, both at hand, whether the new reaches the old.

    So it is after a push that only adds.
    """
    if not pairs:
        return []
    known, above = order(timeline).places, order(timeline).above
    found = [_is_near(above, known[new], known[old]) for new, old in pairs]
    far = [number for number, near in enumerate(found) if not near]
    for begin in range(0, len(far), _AT_ONCE):
        some = far[begin : begin + _AT_ONCE]
        tips = {tip: None for number in some for tip in pairs[number]}
        numbers = {tip: number for number, tip in enumerate(tips)}
        regions = order(timeline).regions([known[tip] for tip in tips])
        of = {place: bits for bits, those in regions.items() for place in those}
        for number in some:
            new, old = pairs[number]
            found[number] = bool(of[known[old]] >> numbers[new] & 1)
    return found


def _is_near(above: Sequence[Sequence[int]], new: int, old: int) -> bool:
    place = new
    for _ in range(_NEAR):
        if place == old:
            return True
        if place < old or not above[place]:
            return False
        place = above[place][0]
    return False
