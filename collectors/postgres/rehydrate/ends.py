"""Where a backup ends, and where replay must stop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from collectors.postgres.backups import MAX_MANIFEST
from collectors.postgres.wal.layout import read_lsn, show_lsn
from recon.errors import BadInputError
from recon.instants import interval

if TYPE_CHECKING:
    from collectors.postgres.base import BaseBackup
    from collectors.postgres.label import Label
    from collectors.postgres.rehydrate.target import Target

_COMMITS = ["COMMIT", "COMMIT_PREPARED"]


@dataclass(frozen=True, slots=True)
class Point:
    """Where replay stops, and what proves that nothing is missing before it."""

    stop: int
    inclusive: bool
    last: datetime | None
    proof: int
    commits: pl.DataFrame
    notes: Sequence[str]


def began_before(backup: BaseBackup, label: Label, target: Target) -> None:
    """Raise where the backup began after the target: what was undone before it is not in it.

    Raises:
        BadInputError: it did.
    """
    if target.lsn is not None:
        if target.lsn < label.start:
            raise BadInputError(
                f"a backup from before {show_lsn(target.lsn)}",
                f"one begun at {show_lsn(label.start)}",
                backup.native,
            )
        return
    try:
        began = interval(label.time.replace(" UTC", "Z").replace(" GMT", "Z"))
    except BadInputError:
        # An abbreviated zone names no offset: anywhere, so the day of it may be either side.
        began = interval(" ".join(label.time.split(" ")[:2]))
    if target.instant is not None and began[0] > target.instant:
        raise BadInputError(
            f"a backup from before {target.instant}",
            f"one begun at {label.time}",
            backup.native,
        )


def point(backup: BaseBackup, label: Label, records: pl.DataFrame, target: Target) -> Point:
    """The point, from the records of the path from the backup's start on.

    Raises:
        BadInputError: the log does not go on past the target, or the backup ends behind it.
    """
    commits = records.filter(pl.col("op").is_in(_COMMITS))
    if target.lsn is not None:
        later = records.filter(pl.col("lsn") >= target.lsn)
        beyond = commits.filter(pl.col("lsn") >= target.lsn)
    else:
        later = records.filter(pl.col("time") > target.instant)
        beyond = commits.filter(pl.col("time") > target.instant)
    first_beyond = beyond["lsn"].min()
    replayed = commits if first_beyond is None else commits.filter(pl.col("lsn") < first_beyond)
    last_lsn = replayed["lsn"].max()
    proofs = later.filter(pl.col("lsn") > last_lsn) if last_lsn is not None else later
    proof = proofs["lsn"].min()
    if not isinstance(proof, int):
        stamped = records.drop_nulls("time")
        end = stamped["time"].max() if target.lsn is None else None
        at = records["lsn"].max()
        shown = show_lsn(at) if isinstance(at, int) else "its beginning"
        reach = f"to {shown} only" if end is None else f"whose last time is {end!s}, at {shown}"
        raise BadInputError(
            f"log that goes on past {target}", f"log without a gap {reach}", backup.native
        )
    stop, inclusive = _end(backup, label, records)
    before = (pl.col("lsn") < stop) if not inclusive else (pl.col("lsn") <= stop)
    if first_beyond is not None and not beyond.filter(before).is_empty():
        raise BadInputError(
            f"a backup that ended before {target}",
            f"one that ended at {show_lsn(stop)}, with {beyond.filter(before).height} commits of "
            "after the target in it",
            backup.native,
        )
    if target.lsn is not None and target.lsn <= stop:
        raise BadInputError(
            f"a backup that ended before {target}", f"one ended at {show_lsn(stop)}", backup.native
        )
    if isinstance(last_lsn, int) and last_lsn >= stop:
        stop, inclusive = last_lsn, True
    return Point(
        stop=stop,
        inclusive=inclusive,
        last=_time(replayed, last_lsn),
        proof=proof,
        commits=replayed.select("xid", "time", "subxids", "lsn"),
        notes=_notes(commits, first_beyond, target),
    )


def _time(replayed: pl.DataFrame, lsn: object) -> datetime | None:
    times = replayed.filter(pl.col("lsn") == lsn)["time"].to_list() if lsn is not None else []
    return times[0] if times else None


def _notes(commits: pl.DataFrame, first_beyond: object, target: Target) -> list[str]:
    if not isinstance(first_beyond, int) or target.instant is None:
        return []
    behind = commits.filter(
        (pl.col("lsn") > first_beyond) & (pl.col("time") <= target.instant)
    ).height
    if not behind:
        return []
    said = (
        f"{behind} commits stamped at or before the instant stand in the log behind one stamped "
        "later (the server's clock went back, or sessions overtook each other); they are not in "
        "the answer"
    )
    return [said]


def _end(backup: BaseBackup, label: Label, records: pl.DataFrame) -> tuple[int, bool]:
    """From where on the copy is consistent: (LSN, whether the record there belongs to it).

    Raises:
        BadInputError: neither the log nor a manifest says where.
    """
    ended = records.filter((pl.col("op") == "BACKUP_END") & (pl.col("redo") == label.start))
    found = ended["lsn"].min()
    if isinstance(found, int):
        return found, True
    stated = _manifest(backup)
    if stated is None:
        raise BadInputError(
            "the end of the backup: a BACKUP_END record of it, or its manifest",
            "neither",
            backup.native,
        )
    return stated, False


def _manifest(backup: BaseBackup) -> int | None:
    for item in backup.of("pg.backup-manifest"):
        if item.size > MAX_MANIFEST:
            continue
        try:
            ranges = json.loads(backup.source.read(item))["WAL-Ranges"]
            ends = [read_lsn(str(one["End-LSN"])) for one in ranges]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        known = [end for end in ends if end is not None]
        if known:
            return max(known)
    return None
