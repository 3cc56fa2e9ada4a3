"""When a table's rows were not logged: it was made unlogged, or set so and back.

SET UNLOGGED and SET LOGGED write the table anew, to a file of its own. Of an unlogged relation's
file WAL tells no more than that it was made (its init fork): no row that is written to it. SET
LOGGED then logs the pages as they are, and what befell rows in between is nowhere.
Source: ``tablecmds.c`` (``ATPrepChangePersistence``), ``storage.c`` (``RelationCreateStorage``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from collectors.postgres.heap.claimed import Claimed
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.whose import file_of
from collectors.postgres.wal.model import Wal

Stretch = tuple[datetime, datetime]
"""From one instant to another, both included."""


class Hole(NamedTuple):
    """A stretch in which rows of a table were written unseen, if they were."""

    timeline: int
    start: datetime
    end: datetime | None
    """None: to the end of the archive."""


def holes(
    wal: Wal, commits: Commits, files: Mapping[File, tuple[str, Claimed]]
) -> dict[str, list[Hole]]:
    """Of each table, by its subject, as far as the archive shows them."""
    made: dict[tuple[str, int], list[tuple[int, datetime | None, bool]]] = {}
    subjects: dict[str, str] = {}
    columns = wal.defined.select("timeline", "xid", "created", "logged")
    for timeline, xid, file, logged in columns.iter_rows():
        found, commit = files.get(file_of(file)), commits.of(timeline, xid, 0)
        if found is not None and commit is not None:
            relation, claimed = found
            subjects[relation] = claimed.subject
            one = commit.lsn, commit.time, logged is not False
            made.setdefault((relation, timeline), []).append(one)
    out: dict[str, list[Hole]] = {}
    for (relation, timeline), theirs in made.items():
        out.setdefault(subjects[relation], []).extend(_of_one(timeline, theirs))
    return out


def _of_one(timeline: int, made: Iterable[tuple[int, datetime | None, bool]]) -> Iterator[Hole]:
    """Of a relation's files on one timeline: LSN and time of each COMMIT, and whether it is logged.

    A time that cannot be read bounds nothing.
    """
    start: datetime | None = None
    for _, time, logged in sorted(made, key=lambda one: one[0]):
        if not logged and start is None:
            start = time or datetime.min.replace(tzinfo=UTC)
        elif logged and start is not None and time is not None:
            yield Hole(timeline, start, max(start, time))
            start = None
    if start is not None:
        yield Hole(timeline, start, None)


def without(stretch: Stretch, timeline: int, these: Iterable[Hole]) -> list[Stretch]:
    """What is left of a stretch of a timeline.

    What an older timeline left open, or closed only after the stretch begins, is open in a newer
    one: where that forked off is not asked.
    """
    kept = [stretch]
    for hole in these:
        if hole.timeline > timeline:
            continue
        end = hole.end
        if hole.timeline < timeline and end is not None and end > stretch[0]:
            end = None
        parts = []
        for first, last in kept:
            if hole.start > last or (end is not None and end < first):
                parts.append((first, last))
                continue
            if first <= hole.start:
                parts.append((first, hole.start))
            if end is not None and end <= last:
                parts.append((end, last))
        kept = parts
    return kept
