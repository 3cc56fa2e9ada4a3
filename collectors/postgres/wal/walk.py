"""Where records begin in a text without page headers: each is found by the length of the last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import INT, INTS, NUMBERS, compiled
from collectors.postgres.wal.layout import RECORD_HEADER
from collectors.postgres.wal.pages import Edges

_WORD = 8
LONGEST = 64 * 1024 * 1024
"""Bytes of the longest record that is read; none that is longer was ever seen but by design."""
_LEAST = RECORD_HEADER.size

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def walk(words: Words, first: int, edges: Edges) -> tuple[Numbers, Numbers, int, str | None]:
    """Starts and lengths of the whole records; where the walk ended; why, if by damage.

    ``first``: word at which a record begins.
    """
    # Where a crash cut a record off, the server began anew on the next page, and says so there.
    anew = edges.word[edges.overwritten & (edges.word > first)]
    limits = np.append(anew, len(words))
    starts = np.empty(len(words) * _WORD // RECORD_HEADER.size + 1, np.int64)
    sizes = np.empty_like(starts)
    found = np.zeros(2, np.int64)
    count = _step(words, first, limits, starts, sizes, found)
    at, bad = found.tolist()
    return starts[:count], sizes[:count], at, _why(bad)


@compiled(INT(NUMBERS, INT, INTS, INTS, INTS, INTS))
def _step(
    words: Words, at: int, limits: Numbers, starts: Numbers, sizes: Numbers, found: Numbers
) -> int:
    """From record to record by their lengths, beginning anew at each limit but the last.

    How many there are. ``found``: where it ended, and the length that cannot be one, or 0.
    """
    count = 0
    for index in range(len(limits)):
        limit = limits[index]
        while at < limit:
            size = np.int64(words[at] & np.uint64(0xFFFFFFFF))
            if size < _LEAST or size > LONGEST:
                found[0], found[1] = at, size
                return count
            follow = at + ((size + 7) >> 3)
            if follow > limit:
                break
            starts[count] = at
            sizes[count] = size
            count += 1
            at = follow
        if limit < limits[len(limits) - 1]:
            at = limit
    found[0] = at
    return count


def _why(size: int) -> str | None:
    if not size:
        return None
    known = f", which is more than the {LONGEST} that are read" if size > LONGEST else ""
    return f"a record of {size} bytes{known}"


def misfit(starts: Numbers, sizes: Numbers, end: int, edges: Edges, words: Words) -> int | None:
    """First word that is in doubt because a page contradicts the record that runs on to it.

    A record that is not whole yet counts by the length that it gives.
    """
    tail = int(words[end] & np.uint64(0xFFFFFFFF)) if end < len(words) else 0
    word = edges.word
    known = np.zeros(len(word), np.bool_)
    at, size = np.full(len(word), end), np.full(len(word), tail)
    if len(starts):
        before = np.searchsorted(starts, word) - 1
        known = (word <= end) & (before >= 0)
        at[known], size[known] = starts[before[known]], sizes[before[known]]
    left = np.where(at < word, np.maximum(0, size - (word - at) * _WORD), 0)
    told = (word >= (int(starts[0]) if len(starts) else end)) & ~edges.overwritten
    if not tail:
        told &= word <= end
    wrong = (edges.continued != (left > 0)) | ((left > 0) & (left != edges.remains))
    bad = np.flatnonzero(told & wrong)
    if not len(bad):
        return None
    first = int(bad[0])
    return int(at[first] if left[first] else word[first])
