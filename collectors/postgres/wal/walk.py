"""Where records begin in a text without page headers: each is found by the length of the last.

Each record also names the place of the one before it, so the starts can be guessed for a whole
block at once: words that are followed by an LSN of this part of WAL. A guess counts only as far
as lengths lead from each start to the next; from there on the lengths alone are followed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.postgres.wal.layout import RECORD_HEADER
from collectors.postgres.wal.pages import Edges

_WORD = 8
LONGEST = 64 * 1024 * 1024
"""Bytes of the longest record that is read; none that is longer was ever seen but by design."""
_BEFORE = 2**20
"""So far before a block the record lies, usually, that its first one names."""

Numbers = npt.NDArray[np.int64]


def walk(
    text: bytes, words: npt.NDArray[np.uint64], first: int, edges: Edges, lsn: int
) -> tuple[Numbers, Numbers, int, str | None]:
    """Starts and lengths of the whole records; where the walk ended; why, if by damage.

    ``first``: word at which a record begins. ``lsn``: of a byte in the text, roughly.
    """
    # Where a crash cut a record off, the server began anew on the next page, and says so there.
    anew = edges.word[edges.overwritten & (edges.word > first)].tolist()
    lengths = np.frombuffer(text, np.uint32, len(words) * 2)[::2]
    none = np.array([], np.int64)
    known, sizes = (none, none) if anew else _guess(words, lengths, first, lsn)
    at = int(known[-1]) + (int(sizes[-1]) + 7 >> 3) if len(known) else first
    starts, more, at, reason = _step(text, at, [*anew, len(words)])
    if not starts:
        return known, sizes, at, reason
    return np.concatenate([known, starts]), np.concatenate([sizes, more]), at, reason


def _guess(
    words: npt.NDArray[np.uint64], lengths: npt.NDArray[np.uint32], first: int, lsn: int
) -> tuple[Numbers, Numbers]:
    low = max(0, lsn - _BEFORE)
    span = np.uint64(lsn - low + 2 * len(words) * _WORD)
    found = np.flatnonzero(words[1:] - np.uint64(low) < span)
    found = found[np.searchsorted(found, first) :]
    for _ in range(2):
        sizes = lengths[found].astype(np.int64)
        follow = found + (sizes + 7 >> 3)
        reached = np.concatenate([[first], follow[:-1]])[: len(found)]
        fits = (found == reached) & (sizes >= RECORD_HEADER.size) & (sizes <= LONGEST)
        fits &= follow <= len(words)
        wrong = np.flatnonzero(~fits)
        if not len(wrong):
            return found, sizes
        good = int(wrong[0])
        # An LSN in a record's own data looks like a start; no length leads to it.
        better = found[np.isin(found, np.append(follow, first))]
        if len(better) == len(found):
            break
        found = better
    return found[:good], sizes[:good]


def _step(text: bytes, at: int, limits: list[int]) -> tuple[list[int], list[int], int, str | None]:
    """From record to record by lengths alone, beginning anew at each limit but the last."""
    lengths = memoryview(text)[: limits[-1] * _WORD].cast("I")
    starts: list[int] = []
    sizes: list[int] = []
    least, most = RECORD_HEADER.size, LONGEST
    for limit in limits:
        while at < limit:
            size = lengths[at * 2]
            if size < least or size > most:
                return starts, sizes, at, _why(size)
            follow = at + (size + 7 >> 3)
            if follow > limit:
                break
            starts.append(at)
            sizes.append(size)
            at = follow
        if limit < limits[-1]:
            at = limit
    return starts, sizes, at, None


def _why(size: int) -> str | None:
    if not size:
        return None
    known = f", which is more than the {LONGEST} that are read" if size > LONGEST else ""
    return f"a record of {size} bytes{known}"


def misfit(starts: Numbers, sizes: Numbers, end: int, edges: Edges, text: bytes) -> int | None:
    """First word that is in doubt because a page contradicts the record that runs on to it.

    A record that is not whole yet counts by the length that it gives.
    """
    tail = int.from_bytes(text[end * _WORD : end * _WORD + 4], "little")
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
