"""The archived log of one cluster: its records, its segments, and what of them is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from collectors.postgres.base import BaseBackup
from collectors.postgres.control import ControlFile
from collectors.postgres.rehydrate.history import Histories, Span, histories
from collectors.postgres.wal import read as read_wal
from collectors.postgres.wal.layout import segment_name
from collectors.postgres.wal.model import RECORDS, Segment
from collectors.postgres.wal.piece import in_order
from collectors.postgres.wal.segment import Checked, order
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Items, Sha256, Warn

MORE = "collect the missing log or backup, or ask for another instant"
"""What to do where it does not lead to the target."""
_COLUMNS = ["timeline", "lsn", "xid", "op", "time", "subxids", "redo", "tli", "prev_tli"]


@dataclass(frozen=True, slots=True)
class Archive:
    """What was archived, unpacked."""

    segments: Sequence[Segment]
    warnings: Sequence[Warn]
    """What unpacking had to say."""


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one cluster."""

    records: pl.DataFrame
    segments: Mapping[tuple[int, int], Checked]
    """By timeline and number."""
    damaged: Mapping[Sha256, str]
    """What is wrong with an item, by its hash."""
    histories: Histories
    others: Sequence[str]
    """What was left out, in words."""


def read_log(
    items: Items,
    archived: Archive,
    source: str,
    control: ControlFile,
    backups: Sequence[BaseBackup],
) -> Log:
    """The records of the cluster that a control file is of.

    Raises:
        BadInputError: there is none of its log.
    """
    archive = order(archived.segments, control.system_id)
    held = {(one.timeline, one.number): one for run in archive.runs for one in run}
    if not held:
        said = (*archived.warnings, *archive.warnings)
        found = "; ".join(warning.message for warning in said[:3]) or "no segment"
        raise BadInputError(
            f"log of the cluster with system identifier {control.system_id}", found, source, MORE
        )
    wal = read_wal(archived.segments, source=source, counted=(), system_id=control.system_id)
    used = {one.segment.sha256 for one in held.values()}
    errors = [w for w in (*wal.warnings, *archived.warnings) if w.severity == "error"]
    damaged = {w.item: w.message for w in errors if w.item in used}
    frames = [
        rows.select(_COLUMNS)
        for timeline, piece in in_order(wal.pieces)
        for _, rows in piece.records(timeline)
    ]
    records = pl.concat([pl.DataFrame(schema=RECORDS).select(_COLUMNS), *frames])
    labels = {one.label.timeline for one in backups if one.label and one.label.timeline}
    return Log(
        records=records.sort("timeline", "lsn"),
        segments=held,
        damaged=damaged,
        histories=histories(items, records, {number for number, _ in held} | labels),
        others=[w.message for w in (*archived.warnings, *archive.warnings) if w.item not in used],
    )


def run_of(log: Log, path: Sequence[Span], start: int) -> list[Checked]:
    """Segments from the one that holds ``start`` on, as far as none is missing.

    Raises:
        BadInputError: that first one is.
    """
    any_one = next(iter(log.segments.values()))
    size = any_one.geometry.segment
    number = start // size
    out: list[Checked] = []
    while True:
        # The first segment of a timeline repeats what the one before wrote into it.
        first, last = number * size, (number + 1) * size - 1
        owners = [
            span.timeline
            for span in reversed(path)
            if span.start <= last and (span.end is None or span.end > first)
        ]
        held = [log.segments[one, number] for one in owners if (one, number) in log.segments]
        if not held:
            break
        out.append(held[0])
        if held[0].timeline != owners[0]:
            break  # the old timeline's own copy goes no further than the switch
        number += 1
    if not out:
        lacking = ", ".join(f"{segment_name(owner, number, size)}" for owner in owners)
        raise BadInputError(
            f"the segment that the backup starts in ({lacking})", "none of that name", "the log"
        )
    return out
