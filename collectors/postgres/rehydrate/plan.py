"""What to restore, and how far: decided from the evidence before a server is started.

1. The log is read: its commits, with their times, on each timeline.
2. The timeline that was current at the instant (:mod:`.history`).
3. The newest base backup that can lead there: on that timeline's path, whole, ended before.
4. The records between it and the point: one unbroken run of segments.
5. The point: behind the last commit stamped at or before the instant, and no further. So no lock
   of a later transaction is taken that need not be, and recovery never waits for what is not there.

The log proves the state at an instant only if it goes on past it: a record stamped later must be
there, or a commit may be missing. What cannot be proved is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from collectors.postgres.base import BaseBackup, base_backups
from collectors.postgres.control import ControlFile, read_control
from collectors.postgres.rehydrate import ends
from collectors.postgres.rehydrate.history import Span, current, of_lsn, on_path
from collectors.postgres.rehydrate.log import MORE, Archive, Log, read_log, run_of
from collectors.postgres.rehydrate.target import Target, read_target
from collectors.postgres.wal.layout import show_lsn
from collectors.postgres.wal.segment import Checked
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Item, Items
    from recon.rehydrate import Rehydration

COMMITS = ["COMMIT", "COMMIT_PREPARED"]
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """A restore that leads to the target."""

    target: Target
    backup: BaseBackup
    control: ControlFile
    """Of the backup."""
    major: int
    """PostgreSQL's major version that wrote the log."""
    timeline: int
    path: Sequence[Span]
    stop: int
    """``recovery_target_lsn``."""
    inclusive: bool
    """``recovery_target_inclusive``: whether the record at ``stop`` is replayed."""
    last: datetime | None
    """Time of the last commit that is replayed; None: none since the backup began."""
    proof: int
    """LSN of the record that shows the log to go on past the target."""
    segments: Sequence[Checked]
    """From the backup's start to the proof, in the order of the log."""
    files: Sequence[Item]
    """``.history`` items that recovery needs."""
    commits: pl.DataFrame
    """``xid`` and ``time`` of the commits that are replayed."""
    notes: Sequence[str]
    passed_over: Sequence[str] = ()
    """Later backups, and why each does not lead there."""


def plan(items: Items, archived: Archive, source: str, asked: Rehydration) -> Plan:
    """Decide; see the steps of the module. ``archived``: the log, unpacked.

    Raises:
        BadInputError: the evidence does not lead there; says why of each backup.
    """
    target = read_target(asked.at)
    backups = base_backups(items)
    if not backups:
        raise BadInputError("a base backup", "none among the items", source, "collect one")
    controls = {one.native: _control(items, one) for one in backups}
    reasons: list[str] = []
    archives: dict[int, Log] = {}
    best: Plan | None = None
    for one in sorted(backups, key=lambda one: -(one.label.start if one.label else 0)):
        control = controls[one.native]
        try:
            if isinstance(control, BadInputError):
                raise control
            log = archives.get(control.system_id)
            if log is None:
                log = archives[control.system_id] = read_log(
                    items, archived, source, control, backups
                )
            best = _from(one, control, log, target, asked.timeline)
            break
        except BadInputError as error:
            reasons.append(f"{one.native}: expected {error.expected}, found {error.found}")
    if best is None:
        others = [text for log in archives.values() for text in log.others]
        if others:
            reasons.append(f"left out of the log: {'; '.join(others[:_SHOWN])}")
        raise BadInputError(
            f"a base backup and log that lead to {target}", "; ".join(reasons), source, MORE
        )
    return replace(best, passed_over=tuple(reasons))


def _from(
    backup: BaseBackup, control: ControlFile, log: Log, target: Target, timeline: int | None
) -> Plan:
    """The plan of one backup.

    Raises:
        BadInputError: it does not lead to the target.
    """
    label = backup.label
    if backup.incremental:
        raise BadInputError("a full backup", "an incremental one", backup.native)
    if not backup.whole:
        raise BadInputError(
            "all files of the backup",
            'label, manifest and control file alone (set backup_files = "all", collect --again)',
            backup.native,
        )
    if label is None:
        raise BadInputError("a backup_label that names an LSN", "none", backup.native)
    if timeline is None:
        timeline = (
            of_lsn(log.histories, log.records, target.lsn)
            if target.lsn is not None
            else current(log.histories, log.records, _instant(target))
        )
    path = log.histories.paths.get(timeline)
    if path is None:
        raise BadInputError(f"log of timeline {timeline}", "none", backup.native)
    started_on = label.timeline or control.timeline
    if not any(span.timeline == started_on and span.holds(label.start) for span in path):
        raise BadInputError(
            f"a backup on the path to timeline {timeline}",
            f"one begun on timeline {started_on} at {show_lsn(label.start)}",
            backup.native,
        )
    ends.began_before(backup, label, target)
    run = run_of(log, path, label.start)
    limit = (run[-1].number + 1) * run[-1].geometry.segment
    records = on_path(log.records, path).filter(
        (pl.col("lsn") >= label.start) & (pl.col("lsn") < limit)
    )
    point = ends.point(backup, label, records, target)
    size = run[0].geometry.segment
    needed = [one for one in run if one.number <= point.proof // size + 1]
    for one in needed[: (point.proof - needed[0].start) // size + 1]:
        if one.segment.sha256 in log.damaged:
            raise BadInputError(
                "log without damage up to the target",
                log.damaged[one.segment.sha256],
                one.name,
            )
    return Plan(
        target=target,
        backup=backup,
        control=control,
        major=run[0].major,
        timeline=timeline,
        path=path,
        stop=point.stop,
        inclusive=point.inclusive,
        last=point.last,
        proof=point.proof,
        segments=needed,
        files=[item for number, item in sorted(log.histories.files.items()) if number <= timeline],
        commits=point.commits,
        notes=point.notes,
    )


def _control(items: Items, backup: BaseBackup) -> ControlFile | BadInputError:
    held = backup.of("pg.control-file")
    if not held:
        return BadInputError("global/pg_control", "none", backup.native)
    try:
        return read_control(items.read(held[0]), held[0].native)
    except BadInputError as error:
        return error


def _instant(target: Target) -> datetime:
    if target.instant is None:
        raise AssertionError("a target has an instant or an LSN")
    return target.instant
