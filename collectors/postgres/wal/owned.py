"""Of which tables the log tells every act, and where, when COMMIT lists files and no tables.

That is so before 15. What befalls a table then shows by its file alone, and a file's table must be
known. It follows from these, all of the server's doing (``catalog/storage.c``, ``catalog.c``):

- A table has one file at a time. DROP, TRUNCATE and a rewrite make the old one go, and the COMMIT
  lists it; nothing else makes it go. A number is not used again, so a file that the log shows once,
  being made, written or listed, was there from the COMMIT that made it (or from before the log) to
  the COMMIT that lists it (or to after the log), and was one table's all the time.
- A table's first file has its OID for a number. A later one is given to it where one COMMIT lists
  the file before and makes one that can only be its successor (:mod:`~collectors.postgres.wal.acts`
  says when), or by a capture or a base backup.

A table is *followed* from the COMMIT that gave it a file to the one that lists it; on into the next
file where it is that COMMIT that gives it; before the table was made; after it was dropped. It is
not followed from a COMMIT on that lists its file without showing what became of the table, nor
where no file of it is seen, nor while it is unlogged, nor if what is known contradicts itself.

A name is followed where each table is that had it, as far as dumps, captures and the log tell. A
table that the log shows in no way (no file, no AccessExclusive lock of a transaction that
committed: without one nobody drops, empties, rewrites or renames a table) does not count where it
was not made yet, since its OID is above the counter of a later checkpoint; nor where dumps or
captures show another table under the name: after the last one that shows this table, and by the end
of what was read, or before the first one that does, and from its begin on. So a table that had lost
the name is taken to have had it again only if one of them shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from collectors.postgres.wal.acts import Act, Given, Judged
from collectors.postgres.wal.databases import WITH_IT
from collectors.postgres.wal.model import Relation, Seen
from collectors.postgres.wal.piece import Piece
from collectors.postgres.wal.spans import (
    END,
    Place,
    Range,
    Span,
    all_on,
    common,
    history,
    on,
    spans,
    turns,
    union,
)
from collectors.postgres.wal.traces import Traces
from collectors.postgres.wal.transactions import TABLES, database_of

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Owned:
    """What there is to follow tables by."""

    spans: Sequence[Span]
    turns: Mapping[int, Place]
    """By timeline: which one it went on from, and where."""
    traces: Traces
    given: Mapping[str, Sequence[Given]]
    """By relation: files that the log gives to it."""
    known: Mapping[str, frozenset[str]]
    """By relation: files that captures and base backups give to it, and its first ones."""
    dropped: Mapping[str, Sequence[Place]]
    """By relation: COMMITs that drop it."""
    taken: Mapping[str, Sequence[Place]]
    """Of these, those that drop it with its database: they list no files."""
    seen: Mapping[str, Mapping[str, Seen]]
    """By subject and relation: when that is known to have had the name."""
    _kept: dict[tuple[str, int], list[Range]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pieces: Sequence[Piece],
        traces: Traces,
        judged: Judged,
        relations: Sequence[Relation],
        keys: Collection[str],
    ) -> Owned:
        """``keys``: the relations that will be asked for."""
        given: dict[str, list[Given]] = {}
        for one in judged.given:
            given.setdefault(one.relation, []).append(one)
        drops = [act for act in judged.acts if act.kind == "table.drop"]
        known: dict[str, set[str]] = {}
        for relation in relations:
            if relation.file:
                key = f"{database_of(relation)}/{relation.oid}"
                known.setdefault(key, set()).add(relation.file)
        for file in traces.files:
            own = file.split("/", 1)[1]
            if own in keys:
                known.setdefault(own, set()).add(file)
        seen: dict[str, dict[str, Seen]] = {}
        for relation in relations:
            if relation.seen:
                theirs = seen.setdefault(relation.subject, {})
                key = f"{database_of(relation)}/{relation.oid}"
                theirs[key] = relation.seen.also(theirs.get(key, relation.seen))
        return cls(
            spans(pieces),
            turns(pieces),
            traces,
            given,
            {key: frozenset(files) for key, files in known.items()},
            _places(drops),
            _places(act for act in drops if act.value == WITH_IT),
            seen,
        )

    def followed(
        self,
        subject: str,
        relations: Iterable[str],
        number: int,
        times: tuple[datetime, datetime],
    ) -> list[Range]:
        """Where a name is followed in a span (by its place in ``spans``).

        ``relations``: all that had it. ``times``: when the first and the last transaction of the
        span ended.
        """
        span = self.spans[number]
        found = [span.range]
        counted = 0
        for one in relations:
            key = one, number
            if key not in self._kept:
                self._kept[key] = self._followed(one, span)
            theirs = self._kept[key]
            if not theirs and self._replaced(subject, one, span, times):
                continue
            counted += bool(theirs)
            found = common(found, theirs or self._unborn(one, span))
        return found if counted else []

    def _unborn(self, relation: str, span: Span) -> list[Range]:
        """Where a table was not made yet, by the counter of a checkpoint that comes later."""
        if self._shown(relation, span):
            return []
        oid = int(relation.split("/")[1])
        line = dict(history(self.turns, span.timeline))
        since = [
            lsn
            for timeline, lsn, counter in self.traces.counters
            if lsn < line.get(timeline, 0) and counter <= oid
        ]
        return [Range(span.range.first, min(span.range.last, max(since)))] if since else []

    def _replaced(
        self, subject: str, relation: str, span: Span, times: tuple[datetime, datetime]
    ) -> bool:
        """Whether another table has the name, as far as a table concerns that nothing shows."""
        seen = self.seen.get(subject, {})
        own = seen.get(relation)
        if own is None or self._shown(relation, span):
            return False
        begin, end = times
        return any(
            (own.last[1] < one.first[0] and one.first[1] <= end)
            or (own.first[0] > one.last[1] and one.last[0] >= begin)
            for one in seen.values()
        )

    def _shown(self, relation: str, span: Span) -> bool:
        """Whether the log shows a table on the path of a span, be it without a file."""
        path = span.path
        files = {*self.known.get(relation, ()), *(one.file for one in self.given.get(relation, ()))}
        traces = (self.traces.made, self.traces.listed, self.traces.written)
        return bool(
            all_on(path, self.traces.locked.get(relation, ()))
            # It may have been locked before what was read begins.
            or all_on(path, self.traces.begun_before)
            or any(all_on(path, of.get(file, ())) for of in traces for file in files)
        )

    def _followed(self, relation: str, span: Span) -> list[Range]:
        path = span.path
        begin, end = path[0][1].first, path[-1][1].last
        lives = sorted(self._lives(relation, span))
        gone = all_on(path, self.dropped.get(relation, ()))
        if (
            not lives
            or any(one.last > after.first for one, after in pairwise(lives))
            or (gone and gone != [lives[-1].last])
        ):
            # Never seen; or of two files at one time: what is known contradicts itself.
            return []
        first = lives[0]
        if first.last == first.first and first.born:
            return [Range(begin, end)]  # came and went at once
        found = [Range(begin, first.first)] if first.born else []
        for life, after in zip_longest(lives, lives[1:]):
            if life.logged:
                told = life.last in {gone[0] if gone else None, after.first if after else None}
                found.append(Range(max(life.first, begin), life.last if told else life.last - 1))
        if gone:
            found.append(Range(gone[0], end))
        return union(Range(one.first, min(one.last, end)) for one in found)

    def _lives(self, relation: str, span: Span) -> Iterator[_Life]:
        """Files that are known to be a relation's and that the span's path shows."""
        path = span.path
        line = dict(history(self.turns, span.timeline))
        theirs: dict[str, list[Given]] = {}
        for one in self.given.get(relation, ()):
            if one.lsn < line.get(one.timeline, 0):
                theirs.setdefault(one.file, []).append(one)
        for file in sorted({*theirs, *self.known.get(relation, ())}):
            made = all_on(path, self.traces.made.get(file, ()))
            listed = all_on(path, self.traces.listed.get(file, ()))
            listed = listed or all_on(path, self.taken.get(relation, ()))
            written = all_on(path, self.traces.written.get(file, ()))
            if not (made or listed or written):
                continue
            gifts = [one for one in theirs.get(file, ()) if on(path, one.timeline, one.lsn)]
            if made and [one.lsn for one in gifts] != made:
                continue  # made in a transaction that does not show whose it is
            given = theirs.get(file, ())
            yield _Life(
                made[0] if made else -1,
                listed[0] if listed else END,
                file,
                # Without rows in the log, a table from before it may be an unlogged one.
                logged=all(one.logged for one in given) and bool(given or written),
                born=bool(made) and file.split("/", 1)[1] == relation,
            )


def _places(acts: Iterable[Act]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for act in acts:
        found.setdefault(act.relation, []).append((act.timeline, act.lsn))
    return found


class _Life(NamedTuple):
    """A file of a table: from the COMMIT that made it to the one that lists it."""

    first: int
    """-1: made before the log."""
    last: int
    """2**64: not listed in the log."""
    file: str
    logged: bool
    """Whether the rows in it are known to be logged."""
    born: bool
    """Whether the table was made with it, in the log."""


def tables_of(relations: Sequence[Relation], files: pl.DataFrame) -> dict[str, set[str] | None]:
    """Subject to the relations ``DB/OID`` that have or had its name; None: one is nowhere found."""
    found: dict[str, set[str] | None] = {}
    placed = files["relation"].unique().to_list()
    for one in relations:
        if one.kind not in TABLES:
            continue
        keys = {f"{database_of(one)}/{one.oid}"}
        if database_of(one) == "*":
            keys = {key for key in placed if key.split("/")[1] == str(one.oid)}
        before = found.setdefault(one.subject, set())
        found[one.subject] = before | keys if before is not None and keys else None
    return found
