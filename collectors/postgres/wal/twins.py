"""One segment met twice: plain and packed, in two folders, whole and ``.partial``.

Equal bytes count once. Of a ``.partial`` only what its records prove is compared: the rest of its
last page, and the pages behind, are of another time.
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.postgres.wal.layout import show_lsn
from collectors.postgres.wal.segment import Checked

_CHUNK = 1 << 20


def same(one: Checked, other: Checked) -> bool:
    """Whether the two files hold the same bytes."""
    if one.segment.sha256 == other.segment.sha256:
        return True
    return one.size == other.size and _first_difference(one, other, one.size) is None


def better(one: Checked, other: Checked, after: Sequence[Checked]) -> Checked:
    """Which of two different files of one segment is read: the whole, the further proven.

    ``after``: the segment that follows, where it is there, which holds the end of the last record.
    """
    return max(other, one, key=lambda a: (a.segment.whole, not a.partial, proven(a, after)))


def differ(one: Checked, other: Checked) -> str | None:
    """Where two files of one segment disagree, in words; None where they do not."""
    # What one of them does not hold, the other cannot contradict.
    ends = [proven(a) if a.partial else a.start + a.size for a in (one, other)]
    place = _first_difference(one, other, min(ends) - one.start)
    if place is None:
        return None
    return f"with other bytes than {other.segment.sha256} from {show_lsn(one.start + place)} on"


def proven(one: Checked, after: Sequence[Checked] = ()) -> int:
    """LSN up to which whole, valid records stand."""
    from collectors.postgres.wal.stream import parts

    end = one.start + one.size
    for part in parts([one, *after]):
        if part.stop is not None:
            end = min(end, part.stop.lsn)
    return end


def _first_difference(one: Checked, other: Checked, length: int) -> int | None:
    at = 0
    with one.segment.path.open("rb") as a, other.segment.path.open("rb") as b:
        while at < length:
            size = min(_CHUNK, length - at)
            left, right = a.read(size), b.read(size)
            if left != right:
                pairs: Sequence[tuple[int, int]] = list(zip(left, right, strict=False))
                return at + next((i for i, (x, y) in enumerate(pairs) if x != y), len(pairs))
            at += size
    return None
