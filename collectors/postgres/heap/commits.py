"""Which transaction a record belongs to, and what became of it."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from typing import NamedTuple

from collectors.postgres.wal.model import Wal


class Commit(NamedTuple):
    """A transaction that committed."""

    lsn: int
    time: datetime
    xid: int
    """Of the whole, where the writer was a subtransaction."""


class Commits:
    """Commits of an archive by the xid that records bear."""

    def __init__(self, wal: Wal) -> None:
        self._found: dict[tuple[int, int], list[Commit]] = {}
        records = wal.records.filter(wal.records["op"].is_in(["COMMIT", "COMMIT_PREPARED"]))
        columns = ("timeline", "lsn", "time", "xid", "subxids")
        for timeline, lsn, time, xid, below in records.select(columns).iter_rows():
            one = Commit(lsn, time, xid)
            for writer in (xid, *(below or ())):
                self._found.setdefault((timeline, writer), []).append(one)

    def before(self, timeline: int, lsn: int) -> datetime | None:
        """When the last transaction before a record committed; None: none did."""
        every = (one for (of, _), found in self._found.items() if of == timeline for one in found)
        last = max((one for one in every if one.lsn < lsn), default=None)
        return last.time if last else None

    def of(self, timeline: int, xid: int, lsn: int) -> Commit | None:
        """The commit of a writer, behind a record of it; None: none in the archive."""
        found = self._found.get((timeline, xid))
        if found is None:
            return None
        if found[0].lsn >= lsn:
            return found[0]
        at = bisect_left(found, lsn, key=lambda one: one.lsn)
        return found[at] if at < len(found) else None
