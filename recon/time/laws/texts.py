"""Equal texts of two columns, found by sorted numbers.

A join by hash reaches all over its memory, and so costs more for each row the more there are;
numbers that are sorted are gone through side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Numbers = NDArray[np.uint64]

_AT_ONCE = 2**15
"""Numbers that are looked at together: a processor keeps them and what is made of them at hand."""


def alike(one: pl.Series, other: pl.Series) -> tuple[Numbers, Numbers]:
    """Places in two columns of text that may hold one text, in the order of both.

    All that do are among them; a few may not, as part of a hash stands for each text.
    """
    import numpy as np

    # A column has room for 2³² rows, so two places have room in one number.
    width = np.uint64(max(len(one), len(other)).bit_length())
    place = (np.uint64(1) << width) - np.uint64(1)
    ours, theirs = _sorted(one, width), _sorted(other, width)
    found = [np.empty(0, dtype=np.uint64)]
    for start in range(0, len(ours), _AT_ONCE):
        mine = ours[start : start + _AT_ONCE]
        least, most = mine & ~place, mine | place
        ends = np.searchsorted(theirs, least[0]), np.searchsorted(theirs, most[-1], "right")
        its = theirs[slice(*ends)]
        begin = np.searchsorted(its, least)
        # As a rule no two begin alike, and then the next one tells.
        if len(its) and ((its[1:] ^ its[:-1]) > place).all():
            count = (its.take(begin, mode="clip") ^ mine <= place).astype(np.int64)
        else:
            count = np.searchsorted(its, most, "right") - begin
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        met = its[np.repeat(begin, count) + nth]
        found.append(np.repeat(mine & place, count) << width | met & place)
    both = np.concatenate(found)
    both.sort()
    return both >> width, both & place


def _sorted(texts: pl.Series, width: np.uint64) -> Numbers:
    """Of each text as much of its hash as leaves room for its place, and its place; ascending.

    One number of both sorts ten times as fast as places do by numbers.
    """
    import numpy as np

    numbers: Numbers = texts.hash().to_numpy() >> width << width
    numbers |= np.arange(len(numbers), dtype=np.uint64)
    numbers.sort()
    return numbers
