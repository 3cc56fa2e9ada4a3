"""Changes of one table to rows of events: what each says, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.claims import COLUMN, MAY_HOLD, SHORTEST
from collectors.postgres.heap import replay
from collectors.postgres.heap.batches import Batches
from collectors.postgres.heap.claimed import Claimed
from collectors.postgres.heap.commits import UNKNOWN, Commits
from collectors.postgres.heap.render import Raw
from collectors.postgres.heap.said import Said, Texts
from collectors.postgres.heap.tuples import Decoder, Fetch
from collectors.postgres.heap.wording import cited, in_words, joined, named
from collectors.postgres.heap.words import changed, places, words
from recon.collector import Sha256
from recon.schema import INSTANT

Numbers = npt.NDArray[np.int64]
Lsns = npt.NDArray[np.uint64]
_DIGEST = re.compile(MAY_HOLD)
_KINDS = pl.Series(["row.insert", "row.update", "row.delete"])


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of one table, all by transactions that committed. All columns have one length."""

    claimed: Claimed
    decoder: Decoder
    changes: Numbers
    """Rows of :attr:`collectors.postgres.heap.records.Changes.table`; records in their order."""
    lsn: Lsns
    timeline: npt.NDArray[np.uint32]
    item: Numbers
    """Number of the item in which each record begins."""
    commit_lsn: Lsns
    commit_time: Numbers
    """As of :class:`.commits.Found`."""
    commit_xid: npt.NDArray[np.uint32]
    """Of the whole transaction."""
    was_lsn: Lsns
    was_row: Numbers
    """Record and row that made the version which each ended; row -1: none of the archive."""

    def between(self, low: int, high: int) -> Group:
        """The changes of some records."""
        record = self.changes[:, replay.RECORD]
        which = slice(*np.searchsorted(record, [low, high]).tolist())
        columns = (getattr(self, one.name)[which] for one in fields(self)[2:])
        return Group(self.claimed, self.decoder, *columns)


@dataclass(frozen=True, slots=True)
class Archive:
    """What is known of the archive besides."""

    system_id: int | None
    commits: Commits
    items: list[Sha256] = field(default_factory=list)
    """By number."""


class Telling:
    """What a group's changes say."""

    def __init__(self, group: Group, tuples: npt.NDArray[np.uint8], fetch: Fetch) -> None:
        table = self._table = group.changes
        self.group, self._tuples = group, tuples
        made, ended = table[:, replay.MADE_BLOCK] >= 0, table[:, replay.ENDED_BLOCK] >= 0
        new, old = table[:, replay.NEW], table[:, replay.OLD]
        self._made, self._ended = made, ended
        self._lost = ended & ((old < 0) | (table[:, replay.KEY_ONLY] > 0))
        self._before = np.flatnonzero(ended & ~self._lost & (group.was_row < 0))
        self._updates = np.flatnonzero(made & ended & (new >= 0) & ~self._lost)
        self._said = Said.of(group.decoder, tuples, np.where(made, new, old), fetch)
        places_of_old = np.full(len(old), -1, np.int64)
        for rows in (self._updates, self._before):
            places_of_old[rows] = old[rows]
        self._old = Said.of(group.decoder, tuples, places_of_old, fetch)
        self._differs = self._said.cells.differ(self._old.cells, self._updates)

    @property
    def unknown(self) -> int:
        """How many ended a row that is not in the archive."""
        return int(self._lost.sum())

    def outside(self) -> Iterator[tuple[int, Callable[[], None]]]:
        """Records of rows with values in the TOAST table, and what fetches each."""
        for said, column, rows in self._asked():
            for row, fetch in said.outside(column, rows):
                yield int(self._table[row, replay.RECORD]), fetch

    def large(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Records of values that are kept outside the row or packed, and their bytes unpacked."""
        for said, column, rows in self._asked():
            which, size = said.cells.unpacked(column, rows)
            yield self._table[which, replay.RECORD], size

    def _asked(self) -> Iterator[tuple[Said, int, Numbers]]:
        """Of which rows which columns are rendered."""
        every = np.arange(len(self._table))
        for column, _ in self.group.decoder.live:
            changed_ = self._updates[self._differs[column]]
            yield self._said, column, every
            yield self._old, column, np.union1d(changed_, self._before)

    def tell(self, archive: Archive, batches: Batches) -> None:
        """Hand over the rows of their events."""
        group, table = self.group, self._table
        every = np.arange(len(table))
        texts = [self._said.texts(column, every) for column, _ in group.decoder.live]
        old = [self._old.texts(column, self._before) for column, _ in group.decoder.live]
        system, stamp = str(archive.system_id), pl.Series(group.commit_time)
        row = table[:, replay.ROW]
        # A version that no record made is named by the one that ended it.
        unmade = np.where(group.was_row < 0, 1, 0)
        unmade[~self._ended | self._lost & (group.was_row < 0)] = -1
        ended = f"ended:{system}/", f"ended:{system}/before/"
        version = f"version:{system}/"
        here = pl.DataFrame(
            {
                "citation": cited(group.lsn, row),
                "value": self._words(texts),
                "stamp": stamp.set(stamp == UNKNOWN, None).cast(INSTANT),
                "xid": pl.Series(group.commit_xid),
                "item": pl.Series(archive.items, dtype=pl.String).gather(group.item),
                "kind": _KINDS.gather(table[:, replay.OP]),
                "stream": _numbered(f"pg:{system}/", group.timeline),
                "position": pl.Series(group.commit_lsn),
                "ended": named(ended, unmade, (group.was_lsn, group.lsn), group.was_row),
                "made": named(
                    (version, ""), np.where(self._made, 0, -1), (group.lsn, group.lsn), row
                ),
            }
        )
        frame = _with_values(here, group, texts)
        rows = every
        if len(self._before):
            frame = pl.concat([self._of_before(here, old), frame])
            # What was before stands before what the record did.
            rows = np.concatenate([self._before, every])
            frame = frame[np.argsort(rows, kind="stable")]
        frame = frame.with_columns(xid=_numbered(f"xid:{system}/", frame["xid"].to_numpy()))
        batches.add(group.claimed, frame)
        self._gaps(here, batches, texts, old)

    def _of_before(self, here: pl.DataFrame, old: Sequence[Texts]) -> pl.DataFrame:
        """Rows that no record of the archive made."""
        rows = self._before
        at = self._table[rows, replay.OLD]
        xmin = sum(self._tuples[at + byte].astype(np.uint32) << 8 * byte for byte in range(4))
        ended = places(self._table[rows, replay.ENDED_BLOCK], self._table[rows, replay.ENDED_LINE])
        frame = here[rows].with_columns(
            citation=pl.col("citation") + " before",
            value=ended,
            stamp=pl.lit(None, INSTANT),
            xid=pl.Series(xmin, dtype=pl.UInt32),
            kind=pl.lit("row.before"),
            stream=pl.lit(None, pl.String),
            position=pl.lit(None, pl.UInt64),
            ended=pl.col("ended").str.replace("ended:", "version:", literal=True),
            made=pl.lit(None, pl.String),
        )
        return _with_values(frame, self.group, old)

    def _words(self, texts: Sequence[Texts]) -> pl.Series:
        """What each change says: nearly all at once, and those with odd values one by one."""
        live = self.group.decoder.live
        columns, rows = [column for column, _ in live], self._updates
        place = np.full(len(self._table), -1, np.int64)
        place[rows] = np.arange(len(rows))
        before = [self._before_it(column) for column in columns]
        values = joined([one.raw for one in texts]), joined(before), self._differs[columns]
        names = [name for _, name in live]
        said, odd = in_words(self._table, self._lost, place, names, values)
        if not len(odd):
            return said
        differ = changed(self._old, texts, self._differs[:, place[odd]], odd)
        ended, made = (
            places(self._table[odd, block], self._table[odd, line])
            for block, line in (
                (replay.ENDED_BLOCK, replay.ENDED_LINE),
                (replay.MADE_BLOCK, replay.MADE_LINE),
            )
        )
        few = pl.DataFrame({"ended": ended, "made": made, "differ": differ})
        return said.scatter(odd, words(few))

    def _before_it(self, column: int) -> Raw:
        """What a column was, of the updates that changed it."""
        which = np.flatnonzero(self._differs[column])
        raw = self._old.texts(column, self._updates[which]).raw
        at, size = (np.zeros(len(self._updates), np.int64) for _ in range(2))
        at[which], size[which] = raw.at, raw.size
        return Raw(raw.text, at, size)

    def _gaps(
        self, here: pl.DataFrame, batches: Batches, texts: Sequence[Texts], old: Sequence[Texts]
    ) -> None:
        """Values that cannot be said, in the order of rows."""
        found = []
        for number, (_, name) in enumerate(self.group.decoder.live):
            before = [(int(self._before[row]), 0, gap) for row, gap in old[number].gaps.items()]
            now = [(row, 1, gap) for row, gap in texts[number].gaps.items()]
            found += [(row, order, number, name, gap) for row, order, gap in before + now]
        for row, _, _, name, gap in sorted(found, key=lambda one: one[:3]):
            place = here["item"][row], here["citation"][row]
            batches.gap(self.group.claimed, name, gap, place)


def _with_values(frame: pl.DataFrame, group: Group, texts: Sequence[Texts]) -> pl.DataFrame:
    """The text of the whole row, if a digest may be in one, and the columns that claims read."""
    columns = dict(zip(group.decoder.names, texts, strict=True))
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    text = nothing
    if any(one.may_hold(_DIGEST, SHORTEST) for one in texts):
        every = [one.text for one in texts]
        text = pl.select(pl.concat_str(every, separator="\t", ignore_nulls=True)).to_series()
    wanted = dict.fromkeys(name for one in group.claimed.claims for name in one.columns())
    return frame.with_columns(
        text.alias("text"),
        *(
            (columns[name].text if name in columns else nothing).alias(COLUMN + name)
            for name in wanted
        ),
    )


def _numbered(begin: str, numbers: npt.NDArray[np.uint32]) -> pl.Series:
    """Names of numbers, of which few are different."""
    few, which = np.unique(numbers, return_inverse=True)
    return pl.Series([f"{begin}{one}" for one in few.tolist()], dtype=pl.String).gather(which)
