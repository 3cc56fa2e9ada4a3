"""Tuples on copied pages that no commit made rows, as events.

After a restore to a point, pages still hold what was replayed and whose commit lay past the target:
its transaction never ended on the timeline that goes on. VACUUM removes such tuples.
Innocent: a transaction that was open while the copy was made, or that a crash cut off. What an
ordinary rollback left is none of these, and no event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import polars as pl

from collectors.postgres.base import FILE, TAR
from collectors.postgres.claims import COLUMN, Rows, row_events
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.copies import Copy, Held, ghosts
from collectors.postgres.options import PostgresClaim
from recon.collector import Item, Sha256, Warn
from recon.schema import INSTANT

ABORTED = "aborted"
_BLOCKS = 131_072
"""Pages in one file of a relation: 1 GiB."""


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
            if one.fate == ABORTED or (commits and commits.of(timeline, xid, 0)):
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
