"""Coverage of an archive: where every outcome, and every act on a table, would be an event.

``wal.*`` wherever the log is whole. ``table.*`` of all tables from 15 on, since COMMIT lists what
it drops; before, of each claimed table where it is followed by its files
(:mod:`~collectors.postgres.wal.owned`). Where an extension's records cannot be read, nothing is
known of tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from collectors.postgres.wal.acts import Judged
from collectors.postgres.wal.layout import show_lsn
from collectors.postgres.wal.model import Counted, Relation
from collectors.postgres.wal.owned import Owned, tables_of
from collectors.postgres.wal.piece import Piece, with_items
from collectors.postgres.wal.rows import written
from collectors.postgres.wal.spans import Range, Span, common, spans, without
from collectors.postgres.wal.traces import Traces
from recon.collector import Warn
from recon.schema import DRAFT_COVERAGE, frame

TELLS_TABLES = 15
"""From this version on COMMIT lists the tables that it drops, not their files alone."""
_INSTANT = timedelta(microseconds=1)

_Row = dict[str, Any]


class Read(NamedTuple):
    """What was read of an archive, as far as coverage rests on it."""

    pieces: Sequence[Piece]
    told: pl.DataFrame
    """Rows of RECORDS: those that tell of tables and timelines."""
    judged: Judged
    counted: Counted
    relations: Sequence[Relation]
    """Those by which tables have names."""


def coverage(
    read: Read, claimed: Collection[str] | None, source: str
) -> tuple[pl.DataFrame, list[Warn]]:
    """Rows of :data:`recon.schema.DRAFT_COVERAGE`, and where tables are not followed.

    ``claimed``: subjects of the tables that are asked for; None: all.
    """
    every = f"pg:{source}/*"
    times = _Times(read.told, read.pieces)
    rows: list[_Row] = [
        _row(piece, one) | {"kind": "wal.*", "subject": every}
        for piece in read.pieces
        for _, one in sorted(times.whole(piece).items())
    ]
    found = spans(read.pieces)
    for span in found:
        if span.piece.run[0].major >= TELLS_TABLES:
            cut = (times.cut(span, one) for one in _readable(span, read.judged))
            rows += [
                _row(span.piece, one) | {"kind": "table.*", "subject": every} for one in cut if one
            ]
    warnings = list(_untold(found, read.judged))
    if any(span.piece.run[0].major < TELLS_TABLES for span in found):
        by_files, said = _by_files(read, claimed, times)
        rows += by_files
        warnings += said
    return frame(rows, DRAFT_COVERAGE), warnings


def _by_files(
    read: Read, claimed: Collection[str] | None, times: _Times
) -> tuple[list[_Row], list[Warn]]:
    """``table.*`` of each claimed table, by its files."""
    tables = {
        subject: keys
        for subject, keys in tables_of(read.relations, read.counted.files).items()
        if claimed is None or subject in claimed
    }
    traces = Traces.of(read.told, written(read.pieces, read.counted))
    keys = {key for theirs in tables.values() for key in theirs or ()}
    owned = Owned.of(read.pieces, traces, read.judged, read.relations, keys)
    stretches: dict[tuple[int, Range], _Row | None] = {}
    rows: list[_Row] = []
    warnings: list[Warn] = []
    for subject, theirs in sorted(tables.items()):
        for number, span in enumerate(owned.spans):
            ends = times.ends(span)
            followed = owned.followed(subject, theirs or (), number, ends) if ends else []
            followed = common(followed, _readable(span, read.judged))
            if followed != [span.range]:
                warnings += _said(subject, span, followed)
            for one in followed:
                if (number, one) not in stretches:
                    stretches[number, one] = times.cut(span, one)
                stretch = stretches[number, one]
                if stretch is not None:
                    row = _row(span.piece, stretch)
                    because = f"{row['because']}, and the table's file known at each COMMIT in it"
                    rows.append(row | {"kind": "table.*", "subject": subject, "because": because})
    return rows, warnings


_MAKES = (
    "expected the row of pg_class of each new relation of this transaction; found a page "
    "image that does not unpack, or no such row where it should stand; what the "
    "transaction did to tables is not taken as known"
)
_DROPS = (
    "expected to know which database each table is in, by a capture, a base backup or the log; "
    "found a database dropped that may have been that of tables which dumps alone show; whether "
    "they went with it is not taken as known"
)


def _untold(found: Sequence[Span], judged: Judged) -> Iterator[Warn]:
    """COMMITs that may make a table, or drop it with its database."""
    every = [(*place, _MAKES) for place in judged.untold]
    every += [(*place, _DROPS) for place in judged.unplaced]
    for timeline, lsn, message in every:
        piece = next(one.piece for one in found if one.timeline == timeline and lsn in one)
        number = lsn // piece.run[0].geometry.segment
        (item,) = {one.segment.sha256 for one in piece.run if one.number == number} or {
            piece.run[0].segment.sha256
        }
        yield Warn(
            item,
            f"lsn {show_lsn(lsn)}",
            message,
            "error",
        )


def _readable(span: Span, judged: Judged) -> list[Range]:
    """Where all of a span can be read.

    Not between records of extensions, nor at a COMMIT that may make a table or drop one.
    """
    foreign = span.piece.foreign
    untold = [*judged.untold, *judged.unplaced]
    holes = [Range(lsn, lsn) for timeline, lsn in untold if timeline == span.timeline]
    if foreign.first is not None and foreign.last is not None:
        holes.append(Range(foreign.first, foreign.last))
    return without(span.range, holes)


def _said(subject: str, span: Span, followed: Sequence[Range]) -> Iterator[Warn]:
    """Where a table is not followed in a span."""
    holes = without(span.range, followed)
    piece, timeline = span.piece, span.timeline
    where = ", ".join(f"{show_lsn(a)} to {show_lsn(b)}" for a, b in holes)
    yield Warn(
        piece.run[0].segment.sha256,
        f"lsn {show_lsn(holes[0][0])}",
        f"expected to know at each COMMIT which file is that of {subject.rsplit('/', 1)[-1]} "
        f"(PostgreSQL {piece.run[0].major} lists files that go, and not tables); found it not "
        f"known on timeline {timeline} from {where}; what befell the table there is not taken as "
        "known in full",
    )


class _Times:
    """From LSNs to times: what a stretch that is cut at a COMMIT may say of time."""

    def __init__(self, told: pl.DataFrame, pieces: Sequence[Piece]) -> None:
        self._whole = [
            (piece, {int(one["timeline"]): one for one in _stretches(piece)}) for piece in pieces
        ]
        ended = told.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
        self._of: Mapping[tuple[int, int], datetime] = {
            (timeline, lsn): time
            for timeline, lsn, time in ended.select("timeline", "lsn", "time").iter_rows()
        }

    def whole(self, piece: Piece) -> Mapping[int, _Row]:
        """The stretches of a piece, by timeline."""
        return next(found for one, found in self._whole if one is piece)

    def ends(self, span: Span) -> tuple[datetime, datetime] | None:
        """When the first and the last transaction of a span ended."""
        one = self.whole(span.piece).get(span.timeline)
        return (one["earliest"], one["latest"]) if one else None

    def cut(self, span: Span, one: Range) -> _Row | None:
        """The stretch of a range of LSNs; None: nothing committed in it.

        Times of COMMITs do not ascend as LSNs do, so that one before the cut may say a later time
        than the one at it: nothing is claimed behind that.
        """
        if one == span.range:
            return self.whole(span.piece).get(span.timeline)
        here = (pl.col("timeline") == span.timeline) & pl.col("lsn").is_between(*one)
        found = next(_stretches(span.piece, here), None)
        if found is None:
            return None
        if one.first > span.range.first:
            known = (self._time(span, one.first), self._time(span, one.first - 1, _INSTANT))
            found["earliest"] = max([found["earliest"], *filter(None, known)])
        if one.last < span.range.last:
            known = (self._time(span, one.last), self._time(span, one.last + 1, -_INSTANT))
            found["latest"] = min([found["latest"], *filter(None, known)])
        return found if found["earliest"] <= found["latest"] else None

    def _time(self, span: Span, lsn: int, shift: timedelta = timedelta()) -> datetime | None:
        time = self._of.get((span.timeline, lsn))
        return time + shift if time else None


def _row(piece: Piece, stretch: _Row) -> _Row:
    return {
        "earliest": stretch["earliest"],
        "latest": stretch["latest"],
        "stream": f"pg:{piece.run[0].system_id}/{stretch['timeline']}",
        "item": stretch["item"],
        "because": "WAL without a gap, "
        f"{show_lsn(stretch['first'])} to {show_lsn(stretch['last'])}",
    }


def _stretches(piece: Piece, where: pl.Expr | None = None) -> Iterator[_Row]:
    """Of each timeline: first and last LSN and time of COMMIT, ABORT and PREPARE.

    ``where``: of those alone, by ``timeline`` and ``lsn``.
    """
    outcome = (pl.col("rmgr") == "Transaction") & pl.col("time").is_not_null()
    bounds = (
        *(pl.col("lsn").min().alias("first"), pl.col("lsn").max().alias("last")),
        *(pl.col("time").min().alias("earliest"), pl.col("time").max().alias("latest")),
    )
    found = []
    for timeline, _, _ in piece.ranges():
        for _, plain, rest in piece.parted(timeline):
            for rows in (plain.filter(pl.col("time").is_not_null()), rest.filter(outcome)):
                told = rows.select(pl.lit(timeline, pl.UInt32).alias("timeline"), "lsn", "time")
                kept = told if where is None else told.filter(where)
                found.append(kept.group_by("timeline").agg(bounds))
    every = (
        pl.concat(found)
        .group_by("timeline")
        .agg(pl.col("first", "earliest").min(), pl.col("last", "latest").max())
    )
    named = with_items(every.with_columns(lsn="first"), piece.run)
    return named.drop("lsn").iter_rows(named=True)
