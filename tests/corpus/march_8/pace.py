"""Moving the server's clock, and the two places where the machine's own would show through."""

from __future__ import annotations

import os
import signal
import time
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers import Postgres


@dataclass(slots=True)
class Pace:
    """The server's clock, and a record of when it was moved by how much."""

    database: Postgres
    moved: list[float] = field(default_factory=list)
    """By the machine's clock, seconds since 1970: when each move was made."""
    offsets: list[float] = field(default_factory=list)
    """Seconds from the machine's clock to the server's, from that move on."""
    aged: dict[Path, int] = field(default_factory=dict)
    """Files that have the story's date, with it, in nanoseconds."""

    def move(self, instant: datetime) -> None:
        """Let the server's clock go on from ``instant``."""
        now = time.time()
        self.database.move(instant)
        self.moved.append(now)
        self.offsets.append(instant.timestamp() - now)

    def restart_archiver(self) -> None:
        """Have the archiver live by the same clock as the rest; call it right after the start.

        PostgreSQL 15 starts it from a signal handler, within a call that libfaketime has stepped
        aside for, and so it keeps the machine's clock. Ended within ten seconds of its start, it
        is started again by the next connection, from the server's main loop.
        """
        (pid,) = self._archivers() or [0]
        if pid:
            os.kill(pid, signal.SIGUSR2)  # "archive what there is, and end"
        for _ in range(100):
            time.sleep(0.1)
            if (found := self._archivers()) and found != [pid]:
                return
        raise TimeoutError("the archiver was not started again")

    def age_files(self, folder: str = "") -> None:
        """Give the files in a folder of the data the dates that they were written at by the story.

        A file system stamps by the machine's clock, and ``backup_manifest`` lists what it stamped.
        May be called again, as files are written again.
        """
        for path in (self.database.data / folder).rglob("*"):
            with suppress(FileNotFoundError):  # the server makes and removes files meanwhile
                stamp = path.lstat().st_mtime_ns
                if self.aged.get(path) != stamp:
                    self.aged[path] = self._told(stamp)
                    os.utime(path, ns=(self.aged[path],) * 2, follow_symlinks=False)

    def _told(self, stamp: int) -> int:
        # A file from before the first move is of the start, a second or two earlier.
        move = max(bisect_right(self.moved, stamp / 1e9) - 1, 0)
        return stamp + int(self.offsets[move] * 1e9)

    def _archivers(self) -> list[int]:
        text = self.database.psql(
            "select pid from pg_stat_activity where backend_type = 'archiver'"
        )
        return [int(pid) for pid in text.split()]


def copy(made: Path, kept: Path) -> None:
    """The bytes alone, into a folder that is made where it is missing."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(made.read_bytes())
