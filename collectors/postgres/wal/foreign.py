"""Records of custom resource managers: an extension's own, which nobody else can read.

They may change relations in ways that no other record tells. Source: ``rmgr.h``
(``RM_MIN_CUSTOM_ID``), documentation of PostgreSQL, "Custom WAL Resource Managers"; from 15 on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import read_lsn, show_lsn
from collectors.postgres.wal.segment import Checked
from recon.collector import Warn

CUSTOM = range(128, 256)
"""Numbers that extensions may take."""
_LINE = re.compile(
    rb"^rmgr: custom(\d{3}) .*?, lsn: ([0-9A-F]+/[0-9A-F]+), prev .*(?:\n|\Z)", re.MULTILINE
)
_MARK = b"rmgr: custom"
_RMGR = 17
"""Place of the resource manager's number in a record."""


@dataclass(slots=True)
class Foreign:
    """Such records of one piece of WAL: how many, and between which LSNs."""

    counts: Counter[int] = field(default_factory=Counter)
    """By number of the resource manager."""
    first: int | None = None
    last: int | None = None

    def add(self, numbers: Iterable[int], lsns: Sequence[int]) -> None:
        """Take records, by ascending LSN, later than all before."""
        self.counts.update(numbers)
        if self.first is None:
            self.first = lsns[0]
        self.last = lsns[-1]

    def take(self, text: bytes, fetch: Fetch) -> bytes:
        """Take their lines from what ``pg_waldump`` prints; what is left of it.

        A line counts if the record at its LSN is such a one: free text can look like it.
        """
        if _MARK not in text:
            return text
        return _LINE.sub(lambda found: b"" if self._real(found, fetch) else found[0], text)

    def _real(self, found: re.Match[bytes], fetch: Fetch) -> bool:
        number, lsn = int(found[1]), read_lsn(found[2].decode())
        record = fetch.record(lsn) if lsn is not None else None
        if lsn is None or not record or record[_RMGR] != number or number not in CUSTOM:
            return False
        if self.last is None or lsn > self.last:
            self.add([number], [lsn])
        return True

    def warnings(self, run: Sequence[Checked]) -> list[Warn]:
        """One for each resource manager."""
        if self.first is None or self.last is None:
            return []
        return [
            Warn(
                run[0].segment.sha256,
                "",
                f"from {run[0].name} on: expected PostgreSQL's own resource managers; found "
                f"{count} record(s) of custom resource manager {number}, an extension's; their "
                "checksums fit; what they say is not read, and may change relations: between "
                f"{show_lsn(self.first)} and {show_lsn(self.last)} what befell tables is not "
                "taken as known in full",
            )
            for number, count in sorted(self.counts.items())
        ]
