"""Row changes of claimed tables from an archive of WAL, as events.

1. Which files are the tables' and their TOAST tables', and how the tables are laid out.
2. Records are replayed in order; pages are known by their images, by what was written before, and
   by copies in base backups. At a gap, and where another timeline forks off, nothing is known.
3. A change of a transaction that committed is an event at its COMMIT; others are counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collectors.postgres.heap.batches import Batches, Told
from collectors.postgres.heap.claimed import Claimed, Counts, WalRows
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.copies import Copy, seeds
from collectors.postgres.heap.history import History, history
from collectors.postgres.heap.page import tuples
from collectors.postgres.heap.pages import File, Pages, Seed
from collectors.postgres.heap.records import Change, replay
from collectors.postgres.heap.toast import Chunks
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.heap.whose import file_of, files_of, may_differ, placed, since
from collectors.postgres.heap.words import place, words
from collectors.postgres.wal import records_of
from collectors.postgres.wal.heaprecords import Chunk
from collectors.postgres.wal.image import page_of
from collectors.postgres.wal.layout import show_lsn
from collectors.postgres.wal.model import Relation, Wal
from collectors.postgres.wal.record import Malformed, Record, split
from collectors.postgres.wal.stream import parts
from collectors.postgres.wal.timeline import Stretch
from recon.collector import Sha256, Warn

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
    out.since = since(wal, commits, files)
    reading = _Reading(
        wal, source, out, _Plan(commits, known, files, frozenset(toast), seeds(copies))
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
    seed: Seed


class _Reading:
    """One pass over the records."""

    def __init__(self, wal: Wal, source: str, out: WalRows, plan: _Plan) -> None:
        self._wal, self._out = wal, out
        self._commits, self._known = plan.commits, plan.known
        self._files, self._toast = plan.files, plan.toast
        self._theirs = frozenset({*plan.files, *plan.toast})
        self._pages, self._chunks = Pages(plan.seed), Chunks()
        self._made: dict[File, dict[int, str]] = {}
        """Version that was made at a place, in this archive."""
        self._decoders: dict[tuple[str, int], tuple[Decoder, str] | None] = {}
        self._steps: dict[str, list[int]] = {}
        self._batches = Batches(wal.system_id, source, out)
        self._images: dict[str, _Images] = {}
        self._copies = {
            (xid, file_of(file))
            for xid, file, name in wal.defined.select("xid", "created", "name").iter_rows()
            if name and _COPY.match(name)
        }

    def close(self) -> None:
        self._pages.close()
        self._chunks.close()

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
            self._pages.forget()
            begun = max(_first(stretch), stretch.since)
            first = True
            for chunk in records_of(stretch, names):
                if first and len(chunk.lsn):
                    first = False
                    start = int(chunk.lsn[0])
                    if start < last:
                        # Another timeline goes on from here: what came after is not its past.
                        self._chunks.forget(start)
                        self._made.clear()
                self._chunk(chunk, begun)
                last = max(last, int(chunk.lsn[-1]) if len(chunk.lsn) else 0)
        self._batches.finish()
        for subject, one in sorted(self._images.items()):
            self._out.warnings.append(one.warning())
            self._out.until[subject] = {
                timeline: self._commits.before(timeline, lsn)
                for timeline, lsn in one.timelines.items()
            }

    def _chunk(self, chunk: Chunk, begun: int) -> None:
        places = zip(
            chunk.lsn.tolist(), chunk.timeline.tolist(), chunk.items, chunk.records, strict=True
        )
        for lsn, timeline, item, text in places:
            record = split(text, chunk.major)
            self._pages.now = (lsn, timeline, begun)
            unread = self._pages.unread
            changes = self._replayed(record, chunk.major) if record else None
            if record is not None and self._pages.unread > unread:
                self._unread(record, lsn, timeline, item)
            if record is None or changes is None:
                self._out.warnings.append(
                    Warn(
                        item,
                        f"lsn {show_lsn(lsn)}",
                        "expected a record of a heap of a known shape; found lengths that do not "
                        "fit; what it did to rows is not known",
                        "error",
                    )
                )
                continue
            if self._toast:
                self._harvest(record, lsn)
            for one in changes:
                if one.file in self._files:
                    self._change(one, lsn, timeline, item)
                elif one.new is not None:
                    self._chunks.add(one.file, one.new, lsn)

    def _replayed(self, record: Record, major: int) -> list[Change] | None:
        try:
            return replay(record, self._pages, self._theirs, major)
        except Malformed:
            return None

    def _unread(self, record: Record, lsn: int, timeline: int, item: Sha256) -> None:
        """Take note of a page image that is of no use."""
        for block in record.blocks:
            if block.image is None or block.fork or page_of(block) is not None:
                continue
            found = self._files.get(block.file)
            # A TOAST table's values may be any row's.
            tables = [found[1]] if found else [one for _, one in self._files.values()]
            for one in {each.subject: each for each in tables}.values():
                told = self._images.setdefault(one.subject, _Images(one.table, item, lsn))
                told.count += 1
                told.timelines.setdefault(timeline, lsn)

    def _harvest(self, record: Record, lsn: int) -> None:
        """Chunks on a page image of a TOAST table."""
        for block in record.blocks:
            if block.file in self._toast and block.image is not None and block.fork == 0:
                page = page_of(block)
                for one in tuples(page, block.page) if page else ():
                    if one.tuple.natts == 3:  # noqa: PLR2004  (id, number, data)
                        self._chunks.add(block.file, one.tuple, lsn)

    def _change(self, one: Change, lsn: int, timeline: int, item: Sha256) -> None:
        relation, claimed = self._files[one.file]
        counts = self._out.counts.setdefault(claimed.subject, Counts())
        commit = self._commits.of(timeline, one.xid, lsn)
        made = self._made.setdefault(one.file, {})
        if commit is None or one.op == "unmade":
            counts.undone += 1
            return
        if (one.xid, one.file) in self._copies:
            return
        decoder = self._decoder(relation, claimed, lsn)
        if decoder is None:
            return
        counts.events += 1
        version = f"version:{self._wal.system_id}/{lsn:X}.{one.row}"
        names: list[str | None] = [None, None]
        old = new = None
        cited = f"lsn {show_lsn(lsn)}" + (f" row {one.row + 1}" if one.row else "")
        told = Told(claimed, commit, timeline, lsn, item, cited)
        if one.ended is not None:
            at = one.ended[0] << 16 | one.ended[1]
            ended = made.pop(at, None)
            old = decoder.row(one.old, self._chunks.fetch) if one.old else None
            if old is None or one.key_only:
                counts.unknown += 1
                old = {n: v for n, v in old.items() if v is not None} if old else None
            elif ended is None:
                ended = f"version:{self._wal.system_id}/before/{lsn:X}"
                xid = one.old.xmin if one.old else 0
                self._batches.add(told, ("row.before", place(one.ended), xid), old, [ended, None])
            if ended is not None:
                names[0] = f"ended:{ended.removeprefix('version:')}"
        if one.made is not None:
            made[one.made[0] << 16 | one.made[1]] = version
            names[1] = version
            new = decoder.row(one.new, self._chunks.fetch) if one.new else None
        own = f"row.{one.op}", words(one, old, new), commit.xid
        self._batches.add(told, own, new if one.made else old, names)

    def _decoder(self, relation: str, claimed: Claimed, lsn: int) -> Decoder | None:
        steps = self._steps.get(relation)
        if steps is None:
            steps = self._steps[relation] = self._known.steps(relation)
        at = sum(step <= lsn for step in steps) if steps else 0
        key = relation, at
        if key not in self._decoders:
            table = self._known.columns(relation, lsn, claimed.base)
            self._decoders[key] = (Decoder(table), table.basis) if table else None
            if table is None and claimed.subject not in self._out.described:
                self._out.warnings.append(
                    Warn(
                        Sha256(self._wal.records["item"][0]),
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


@dataclass(slots=True)
class _Images:
    """Page images of a table that do not unpack."""

    table: str
    item: Sha256
    """Of the first."""
    lsn: int
    count: int = 0
    timelines: dict[int, int] = field(default_factory=dict)
    """LSN of the first on each timeline."""

    def warning(self) -> Warn:
        return Warn(
            self.item,
            f"lsn {show_lsn(self.lsn)}",
            f"expected page images of {self.table} that unpack to pages of 8192 bytes; found "
            f"{self.count} that do not from here on; rows on them are known only as later records "
            "wrote them, and changes of rows are not taken as known in full from here on",
            "error",
        )
