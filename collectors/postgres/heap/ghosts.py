"""Tuples on copied pages that no commit made rows, as events.

After a restore to a point, pages still hold what was replayed and whose commit lay past the target:
its transaction never ended on the timeline that goes on. VACUUM removes such tuples.
Innocent: a transaction that was open while the copy was made, or that a crash cut off. What an
ordinary rollback left is none of these, and no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl

from collectors.postgres.base import FILE, TAR
from collectors.postgres.claims import COLUMN, Rows, row_events
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.copies import ABORTED, COMMITTED, FIRST_NORMAL, Copy, Held
from collectors.postgres.heap.model import XMIN_COMMITTED, Stored, Value
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.options import PostgresClaim
from recon.collector import Item, Sha256, Warn
from recon.schema import INSTANT

_ROLLED_BACK = "aborted"
_BLOCKS = 131_072
"""Pages in one file of a relation: 1 GiB."""


@dataclass(frozen=True, slots=True)
class Ghost:
    """A tuple whose transaction had not committed by what the copy itself knows."""

    stored: Stored
    fate: str
    """``aborted``; ``not ended`` (open then, or cut off by a crash or by the end of a restore);
    ``beyond the next transaction`` of the control file."""
    values: Mapping[str, Value]


def ghosts(copy: Copy, held: Held, next_xid: int | None = None) -> Iterator[Ghost]:
    """Tuples of a table that no commit made rows; those of an ordinary rollback too.

    ``next_xid``: of the copy's control file, without its epoch.
    """
    decoder = Decoder(held.described)
    for one in copy.rows(held.file):
        if one.infomask & XMIN_COMMITTED or one.xmin < FIRST_NORMAL:
            continue
        state = copy.state(one.xmin)
        if state == COMMITTED:
            continue
        fate = _ROLLED_BACK if state == ABORTED else "not ended"
        if next_xid is not None and 0 < (one.xmin - next_xid) % 2**32 < 2**31:
            fate = "beyond the next transaction"
        yield Ghost(one, fate, decoder.row(one.tuple))


def ghost_events(
    copy: Copy,
    source: str,
    claims: Mapping[str, Sequence[PostgresClaim]],
    control: tuple[int, int] | None,
    commits: Commits | None,
) -> tuple[list[pl.DataFrame], list[Warn]]:
    """``row.ghost`` for each, and what of the pages could not be read.

    ``control``: system identifier and next transaction of the copy's control file. ``commits``: of
    the archive; what committed after the copy of its page was made is no ghost.
    """
    frames, warnings = [], []
    label = copy.backup.label
    timeline = label.timeline or 1 if label else 1
    for held in copy.tables:
        rows: list[dict[str, str | None]] = []
        columns: dict[str, list[str | None]] = {
            name: [] for claim in claims[held.table] for name in claim.columns()
        }
        for one in ghosts(copy, held, control[1] if control else None):
            xid = one.stored.xmin
            if one.fate == _ROLLED_BACK or (commits and commits.of(timeline, xid, 0)):
                continue
            values = {n: v for n, v in one.values.items() if isinstance(v, str)}
            item, prefix = _item(copy, held, one.stored.block)
            place = f"({one.stored.block},{one.stored.line})"
            rows.append(
                {
                    "item": item,
                    "citation": f"{prefix}block {one.stored.block} line {one.stored.line}",
                    "text": "\t".join(values.values()),
                    "value": f"{place} by transaction {xid}, {one.fate}",
                    "xid": f"xid:{control[0]}/{xid}" if control else None,
                }
            )
            for name, cells in columns.items():
                cells.append(values.get(name))
        if rows:
            cells_ = [pl.Series(COLUMN + name, cells) for name, cells in columns.items()]
            frame = pl.DataFrame(rows).with_columns(stamp=pl.lit(None, INSTANT))
            frame = frame.with_columns(one.cast(pl.String) for one in cells_)
            subject = f"pg:{source}/{held.database}/{held.table}"
            found = Rows(
                Sha256(rows[0]["item"] or ""), source, held.table, subject, "row.ghost", frame
            )
            events, said = row_events(found, claims[held.table])
            frames.append(events)
            warnings += said
    warnings += [
        Warn(
            copy.backup.items[0].sha256,
            "",
            f"{path}, block {block}: expected a page whose checksum fits; found one that does not: "
            "torn as it was copied while it was written, or changed by other means; not read",
        )
        for path, block in sorted(set(copy.damaged))
    ]
    return frames, warnings


def _item(copy: Copy, held: Held, block: int) -> tuple[Sha256, str]:
    """The item that holds a table's page, and what a citation says before the block."""
    part = block // _BLOCKS
    path = copy.path(held.file) + (f".{part}" if part else "")
    own: list[Item] = [
        one
        for one in copy.backup.of(FILE)
        if PurePosixPath(one.native).as_posix().endswith(f"/{path}")
    ]
    if own:
        return own[0].sha256, ""
    tars = copy.backup.of(TAR) or list(copy.backup.items)
    return tars[0].sha256, f"{path} "
