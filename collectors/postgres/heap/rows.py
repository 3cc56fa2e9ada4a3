"""Row changes of claimed tables from an archive of WAL, as events.

1. Which files are the tables' and their TOAST tables', and how the tables are laid out.
2. Records are replayed in order; pages are known by their images, by what was written before, and
   by copies in base backups. At a gap, and where another timeline forks off, nothing is known.
3. A change of a transaction that committed is an event at its COMMIT; others are counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from collectors.postgres.heap import replay
from collectors.postgres.heap.batches import Batches
from collectors.postgres.heap.claimed import Claimed, Counts, WalRows
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.copies import Copy, seeds
from collectors.postgres.heap.history import History, history
from collectors.postgres.heap.model import Tuple
from collectors.postgres.heap.page import tuples
from collectors.postgres.heap.pages import File, Seed
from collectors.postgres.heap.records import Changes, Replay
from collectors.postgres.heap.toast import Chunks
from collectors.postgres.heap.told import Archive, Telling
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.heap.unlogged import holes
from collectors.postgres.heap.versions import Versions, keys
from collectors.postgres.heap.waiting import ALL, Act, Waiting, cuts
from collectors.postgres.heap.whose import file_of, files_of, may_differ, placed, since
from collectors.postgres.wal import records_of
from collectors.postgres.wal.heaprecords import Chunk, Lost
from collectors.postgres.wal.layout import show_lsn
from collectors.postgres.wal.model import Relation, Wal
from collectors.postgres.wal.stream import parts
from collectors.postgres.wal.timeline import Stretch
from recon.collector import Sha256, Warn

_ENOUGH = 2 * 1024 * 1024
_ROWS = 16_384
"""Bytes of tuples, and rows, that become events together."""
Numbers = npt.NDArray[np.int64]
Lsns = npt.NDArray[np.uint64]
_COPY = re.compile(r"pg_temp_\d+")


def read_rows(
    wal: Wal,
    claimed: Sequence[Claimed],
    relations: Sequence[Relation],
    source: str,
    copies: Sequence[Copy] = (),
) -> WalRows:
    """All row changes of the claimed tables; never raises for what the records hold.

    ``copies``: base backups, whose pages tell what rows were before.
    """
    out = WalRows()
    if not claimed or not wal.stretches:
        return out
    commits = Commits(wal)
    databases = {one.relation.split("/")[0] for one in claimed}
    tables = placed(wal, claimed)
    known = (
        history(wal, commits, databases, tables) if may_differ(wal, claimed, tables) else History()
    )
    files, toast = files_of(wal, claimed, relations, known)
    if not files:
        return out
    out.since, out.unlogged = since(wal, commits, files), holes(wal, commits, files)
    reading = _Reading(
        wal,
        source,
        out,
        _Plan(commits, known, files, frozenset(toast), seeds(copies) if copies else None),
    )
    for copy in copies:
        reading.chunks(copy)
    try:
        reading.all()
    finally:
        reading.close()
    return out


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a pass over the records needs to know before."""

    commits: Commits
    known: History
    files: Mapping[File, tuple[str, Claimed]]
    """Of the tables, each with its relation."""
    toast: frozenset[File]
    seed: Seed | None


class _Reading:
    """One pass over the records."""

    def __init__(self, wal: Wal, source: str, out: WalRows, plan: _Plan) -> None:
        self._wal, self._out = wal, out
        self._archive, self._known = Archive(wal.system_id, plan.commits), plan.known
        self._files, self._toast = plan.files, plan.toast
        self._theirs = frozenset({*plan.files, *plan.toast})
        self._replay = Replay(
            {file[2] for file in self._theirs}, self._theirs.__contains__, plan.seed, plan.toast
        )
        self._chunks, self._versions, self._waiting = Chunks(), Versions(), Waiting()
        self._decoders: dict[tuple[str, int], tuple[Decoder, str] | None] = {}
        self._steps: dict[str, list[int]] = {}
        self._batches = Batches(source, out)
        self._images: dict[str, _Images] = {}
        self._until: dict[tuple[str, int], int] = {}
        self._copies = {
            (xid, file_of(file))
            for xid, file, name in wal.defined.select("xid", "created", "name").iter_rows()
            if name and _COPY.match(name)
        }

    def close(self) -> None:
        self._replay.close()
        self._chunks.close()
        self._versions.close()

    def chunks(self, copy: Copy) -> None:
        """Values that a copy has in the tables' TOAST tables."""
        for held in copy.tables:
            if held.toast is not None and held.file in self._files:
                for one in copy.rows(held.toast):
                    self._chunks.add(held.toast, one.tuple, 0)

    def all(self) -> None:
        """Every stretch, in the order of timeline and LSN."""
        names = ["{}/{}/{}".format(*file) for file in sorted(self._theirs)]
        last = 0
        for stretch in self._wal.stretches:
            self._replay.forget()
            self._archive.items.extend(one.segment.sha256 for one in stretch.run)
            begun = max(_first(stretch), stretch.since)
            first = True
            for chunk in records_of(stretch, names):
                if isinstance(chunk, Lost):
                    self._lost(chunk)
                    continue
                if first and len(chunk.lsn):
                    first = False
                    start = int(chunk.lsn[0])
                    if start < last:
                        self._tell()
                        # Another timeline goes on from here: what came after is not its past.
                        self._chunks.forget(start)
                        self._versions.clear()
                self._chunk(chunk, begun)
                last = max(last, int(chunk.lsn[-1]) if len(chunk.lsn) else 0)
        self._tell()
        self._batches.finish()
        self._out.warnings += [one.warning() for _, one in sorted(self._images.items())]
        for (subject, timeline), lsn in sorted(self._until.items()):
            ends = self._out.until.setdefault(subject, {})
            ends[timeline] = self._archive.commits.before(timeline, lsn)

    def _lost(self, lost: Lost) -> None:
        """Nothing is known of pages any more, nor in full of any table's rows."""
        self._replay.forget()
        self._out.warnings.append(lost.warning)
        for _, claimed in self._files.values():
            self._until.setdefault((claimed.subject, lost.timeline), lost.lsn)

    def _chunk(self, chunk: Chunk, begun: int) -> None:
        for changes in self._replay.take(chunk, begun):
            self._out.warnings += map(_unfit, repeat(chunk), changes.unfit)
            for at, file in changes.unread:
                self._unread(chunk, at, file)
            self._waiting.tuples.append(changes.tuples)
            self._waiting.acts += self._toasted(changes)
            self._gather(changes)
            self._waiting.records += len(chunk.lsn)
            self._waiting.size += changes.tuples.nbytes
            self._waiting.rows += len(changes.table)
            if self._waiting.size > _ENOUGH or self._waiting.rows > _ROWS:
                self._tell()

    def _tell(self) -> None:
        """What was gathered becomes events: many together, for each step has its price."""
        waiting, self._waiting = self._waiting, Waiting()
        tuples = np.concatenate([np.empty(0, np.uint8), *waiting.tuples])
        groups = list(waiting.whole())
        tellings = [Telling(group, tuples, self._chunks.fetch) for group in groups]
        low = 0
        for high in cuts(tellings):
            if low or high < ALL:
                parted = (group.between(low, high) for group in groups)
                tellings = [Telling(one, tuples, self._chunks.fetch) for one in parted]
            keeping = [(at, 0, keep) for at, keep in waiting.acts if low <= at < high]
            self._tell_part(tellings, keeping)
            low = high

    def _tell_part(self, tellings: Sequence[Telling], acts: list[Act]) -> None:
        # What a value outside the row was, its chunks say that came before.
        acts += [(at, 1, fetch) for one in tellings for at, fetch in one.outside()]
        for _, _, act in sorted(acts, key=itemgetter(0, 1)):
            act()
        for one in tellings:
            if not len(one.group.changes):
                continue
            counts = self._out.counts[one.group.claimed.subject]
            counts.events += len(one.group.changes)
            counts.unknown += one.unknown
            one.tell(self._archive, self._batches)

    def _unread(self, chunk: Chunk, at: int, file: File) -> None:
        """Take note of a page image that is of no use."""
        lsn, timeline = int(chunk.lsn[at]), int(chunk.timeline[at])
        found = self._files.get(file)
        # A TOAST table's values may be any row's.
        tables = [found[1]] if found else [one for _, one in self._files.values()]
        for one in {each.subject: each for each in tables}.values():
            item = chunk.items[at]
            told = self._images.setdefault(one.subject, _Images(one.table, item, lsn))
            told.count += 1
            self._until.setdefault((one.subject, timeline), lsn)

    def _toasted(self, changes: Changes) -> Iterator[tuple[int, Callable[[], None]]]:
        """Records with chunks of the TOAST tables, on page images too, and what keeps each."""
        lsn, before = changes.chunk.lsn, self._waiting.records

        def keep(file: File, one: Tuple, at: int) -> tuple[int, Callable[[], None]]:
            self._waiting.size += len(one.body)
            return before + at, partial(self._chunks.add, file, one, int(lsn[at]))

        for at, file, block, page in changes.images:
            for each in tuples(page, block):
                if each.tuple.natts == 3:  # noqa: PLR2004  (id, number, data)
                    yield keep(file, each.tuple, at)
        theirs = [index for index, file in enumerate(changes.files) if file in self._toast]
        which = np.isin(changes.table[:, replay.OF_FILE], theirs)
        for at, one in changes.each(np.flatnonzero(which)):
            if one.new is not None:
                yield keep(one.file, one.new, at)

    def _gather(self, changes: Changes) -> None:
        """The changes that are events, table by table."""
        chunk, table = changes.chunk, changes.table
        record = table[:, replay.RECORD].copy()
        lsn, timeline, xid = chunk.lsn[record], chunk.timeline[record], chunk.xid[record]
        commits = self._archive.commits.which(timeline, xid, lsn)
        ended = commits.there & (table[:, replay.OP] != replay.UNMADE)
        first = chunk.run[0]
        item = (lsn // np.uint64(first.geometry.segment)).astype(np.int64) - first.number
        item += len(self._archive.items) - len(chunk.run)
        table[:, replay.RECORD] += self._waiting.records
        for column in (replay.NEW, replay.OLD):
            table[:, column] += np.where(table[:, column] < 0, 0, self._waiting.bytes)
        self._waiting.bytes += len(changes.tuples)
        for index, file in enumerate(changes.files):
            theirs = table[:, replay.OF_FILE] == index
            if file not in self._files or not theirs.any():
                continue
            relation, claimed = self._files[file]
            counts = self._out.counts.setdefault(claimed.subject, Counts())
            counts.undone += int((theirs & ~ended).sum())
            copying = [writer for writer, copied in self._copies if copied == file]
            done = np.flatnonzero(theirs & ended & ~np.isin(xid, copying))
            for rows in self._steady(relation, done, lsn):
                decoder = self._decoder(relation, claimed, int(lsn[rows[0]]))
                if decoder is not None:
                    own = table[rows]
                    was = self._versions.follow(
                        keys(own[:, [replay.OF_FILE, replay.ENDED_BLOCK, replay.ENDED_LINE]]),
                        keys(own[:, [replay.OF_FILE, replay.MADE_BLOCK, replay.MADE_LINE]]),
                        *(lsn[rows], own[:, replay.ROW]),
                    )
                    told = (one[rows] for one in (lsn, timeline, item, *commits[1:]))
                    self._waiting.add(claimed, decoder, (own, *told, *was))

    def _steady(self, relation: str, rows: Numbers, lsn: Lsns) -> Iterator[Numbers]:
        """Rows between which the table's columns stay as they are."""
        if relation not in self._steps:
            self._steps[relation] = self._known.steps(relation)
        steps = np.array(self._steps[relation], np.uint64)
        step = np.searchsorted(steps, lsn[rows], side="right")
        parted = np.split(rows, np.flatnonzero(np.diff(step)) + 1)
        return (one for one in parted if len(one))

    def _decoder(self, relation: str, claimed: Claimed, lsn: int) -> Decoder | None:
        key = relation, sum(step <= lsn for step in self._steps[relation])
        if key not in self._decoders:
            table = self._known.columns(relation, lsn, claimed.base)
            self._decoders[key] = (Decoder(table), table.basis) if table else None
            if table is None and claimed.subject not in self._out.described:
                self._out.warnings.append(
                    Warn(
                        self._wal.stretches[0].run[0].segment.sha256,
                        "",
                        f"expected to learn the columns of {claimed.table} (OID "
                        f"{relation.split('/')[1]}) from a capture of the catalogue, a dump or the "
                        "log; found them nowhere; its rows in the log are counted and not read",
                    )
                )
        found = self._decoders[key]
        if found is None:
            return None
        self._out.described.setdefault(claimed.subject, found[1])
        return found[0]


def _first(stretch: Stretch) -> int:
    """LSN of the first record of a stretch: the rest of one that runs into it is not read."""
    for part in parts(stretch.run):
        if len(part.starts):
            return int(part.lsn[0])
    return 2**64


def _unfit(chunk: Chunk, at: int) -> Warn:
    return Warn(
        chunk.items[at],
        f"lsn {show_lsn(int(chunk.lsn[at]))}",
        "expected a record of a heap of a known shape; found lengths that do not fit; what it did "
        "to rows is not known",
        "error",
    )


@dataclass(slots=True)
class _Images:
    """Page images of a table that do not unpack."""

    table: str
    item: Sha256
    """Of the first."""
    lsn: int
    count: int = 0

    def warning(self) -> Warn:
        return Warn(
            self.item,
            f"lsn {show_lsn(self.lsn)}",
            f"expected page images of {self.table} that unpack to pages of 8192 bytes; found "
            f"{self.count} that do not from here on; rows on them are known only as later records "
            "wrote them, and changes of rows are not taken as known in full from here on",
            "error",
        )
