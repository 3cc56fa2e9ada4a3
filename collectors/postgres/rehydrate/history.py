"""Which timeline was current, and which records led to a point on it.

A restore begins a new timeline; what the old one held between the restore's target and the
restore stood in the database then, and is gone now. So an instant before a restore belongs to the
old timeline, though a later one repeats its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from collectors.postgres.backups import MAX_TEXT
from collectors.postgres.packing import beginning
from collectors.postgres.wal.layout import read_lsn, show_lsn
from collectors.postgres.wal.timeline import ENDS_RECOVERY
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Item, Items


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of log that belongs to one timeline."""

    timeline: int
    start: int
    """LSN."""
    end: int | None
    """LSN of the switch to the next one; None: it goes on."""

    def holds(self, lsn: int) -> bool:
        """Whether the LSN lies in it."""
        return self.start <= lsn and (self.end is None or lsn < self.end)


@dataclass(frozen=True, slots=True)
class Histories:
    """The timelines of a cluster, as ``.history`` files and records tell of them."""

    paths: Mapping[int, Sequence[Span]]
    """How each timeline came to be, from the first one on."""
    files: Mapping[int, Item]
    """``.history`` item by timeline."""

    def owners(self, lsn: int) -> set[int]:
        """Timelines of which the LSN is a place of their own."""
        return {span.timeline for path in self.paths.values() for span in path if span.holds(lsn)}


def histories(items: Items, records: pl.DataFrame, others: set[int]) -> Histories:
    """From the ``.history`` items; a timeline without one begins where it begins.

    ``others``: timelines of segments and labels.
    """
    files: dict[int, Item] = {}
    paths: dict[int, Sequence[Span]] = {}
    for item in items.of("pg.history"):
        name = item.native.rpartition("/")[2].partition(".")[0]
        try:
            number = int(name, 16)
        except ValueError:
            continue
        forks = _forks(beginning(items.path(item), MAX_TEXT))
        if forks:
            files[number] = item
            paths[number] = _path(forks, number)
    known = {span.timeline for path in paths.values() for span in path}
    for number in {*others, *records["timeline"].unique().to_list(), *known} - set(paths):
        # Where it ends is the affair of whoever asks: its log may go on past a fork.
        paths[number] = (Span(number, 0, None),)
    return Histories(paths, files)


def current(found: Histories, records: pl.DataFrame, at: datetime) -> int:
    """The timeline that the server was on at an instant, by the log's own times.

    Raises:
        BadInputError: two were written to at once, or none is known.
    """
    began = {number: _began(records, number) for number in found.paths}
    first = min(found.paths, default=None)
    there = [
        number
        for number, moment in began.items()
        if (moment is not None and moment <= at) or (moment is None and number == first)
    ]
    if not there:
        raise BadInputError("a timeline of that instant", "no log of it", str(at), _CHOOSE)
    chosen = max(there, key=lambda number: (began[number] is not None, began[number], number))
    start = began[chosen]
    for other in sorted(set(there) - {chosen}):
        if start is None:
            break
        own = records.filter(
            (pl.col("timeline") == other)
            & pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"])
            & (pl.col("time") > start)
        )
        if not own.is_empty():
            raise BadInputError(
                "one timeline that was written to at that instant",
                f"timelines {other} and {chosen}: {other} has {own.height} commits stamped after "
                f"{chosen} began",
                str(at),
                _CHOOSE,
            )
    return chosen


def of_lsn(found: Histories, records: pl.DataFrame, lsn: int) -> int:
    """The timeline that an LSN lies on.

    Raises:
        BadInputError: it lies on several whose logs reach it.
    """
    owners = found.owners(lsn)
    reached = set(records.filter(pl.col("lsn") >= lsn)["timeline"].to_list())
    meant = owners & reached or owners
    if len(meant) != 1:
        shown = ", ".join(map(str, sorted(meant))) or "none"
        raise BadInputError(
            "an LSN of one timeline", f"timelines {shown}", f"LSN {show_lsn(lsn)}", _CHOOSE
        )
    return meant.pop()


def on_path(records: pl.DataFrame, path: Sequence[Span]) -> pl.DataFrame:
    """Records of a history, in their order."""
    wanted = pl.lit(value=False)
    for span in path:
        within = (pl.col("timeline") == span.timeline) & (pl.col("lsn") >= span.start)
        if span.end is not None:
            within &= pl.col("lsn") < span.end
        wanted |= within
    return records.filter(wanted).sort("lsn")


def _began(records: pl.DataFrame, number: int) -> datetime | None:
    ends = records.filter(
        (pl.col("timeline") == number)
        & pl.col("op").is_in(ENDS_RECOVERY)
        & (pl.col("tli") == number)
        & (pl.col("prev_tli") != number)
        & (pl.col("prev_tli") > 0)
    ).sort("lsn")
    times = ends["time"].drop_nulls().to_list()
    return times[0] if times else None


def _forks(data: bytes) -> list[tuple[int, int]]:
    out = []
    for line in data.decode("utf-8", "replace").splitlines():
        parts = line.split(None, 2)
        if len(parts) < 2 or line.lstrip().startswith("#"):  # noqa: PLR2004  (timeline and LSN)
            continue
        lsn = read_lsn(parts[1])
        if parts[0].isascii() and parts[0].isdigit() and len(parts[0]) <= 10 and lsn is not None:  # noqa: PLR2004  (2³² has 10)
            out.append((int(parts[0]), lsn))
    return out


def _path(forks: Sequence[tuple[int, int]], number: int) -> Sequence[Span]:
    spans = []
    start = 0
    for parent, end in forks:
        spans.append(Span(parent, start, end))
        start = end
    return (*spans, Span(number, start, None))


_CHOOSE = "name the one that is meant with --timeline"
