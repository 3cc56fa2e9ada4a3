"""When a file was taken: one event for each item, by the examiner's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.instants import read_iso
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.collector import Item


def snapshot(item: Item, together: Sequence[Item], subject: str) -> pl.DataFrame:
    """The event that an item was taken, dated by all that were taken in the same acquisition.

    The files of one acquisition are one state of the source: none of them is newer than another
    for having been copied a moment later.
    """
    row = {
        "kind": "snapshot",
        "subject": subject,
        "clock": "examiner",
        "basis": "stamped",
        "item": item.sha256,
        "citation": "",
        "part": 0,
    }
    taken = sorted(one.acquired for one in together if one.acquisition == item.acquisition)
    first, last = (read_iso(pl.lit(one)) for one in (taken[0], taken[-1]))
    return frame([row], DRAFT).with_columns(
        earliest=first.struct.field("earliest"), latest=last.struct.field("latest")
    )
