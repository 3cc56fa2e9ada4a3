"""What a story of one row gives of when it was written."""

from __future__ import annotations

from datetime import datetime, timedelta

from recon.written import written
from tests.stories import GOOD, Story, at

NOON = "2026-03-20 12:00"
Interval = tuple[datetime | None, datetime | None]


def by_basis(story: Story, model: str = "m1", kind: str = "row.version") -> dict[str, Interval]:
    """Of the last such row of a model: its intervals; of estimates, with a ~ before the name."""
    rows = [
        number
        for number, row in enumerate(story.rows)
        if row["kind"] == kind and row["subject"] == f"model:{model}@1"
    ]
    return {
        ("" if one["firm"] else "~") + one["basis"]: (one["earliest"], one["latest"])
        for one in written(story.timeline()).iter_rows(named=True)
        if one["row"] == rows[-1]
    }


def because(story: Story, basis: str) -> str:
    (one,) = written(story.timeline()).filter(basis=basis)["because"]
    return str(one)


def until(time: str) -> datetime:
    """The end of a checkpoint's second, and the one that its reading may take."""
    return at(time) + timedelta(seconds=1)


def row(xid: int, *, model: str = "m1", asserted: str | None = None, stamped: str | None = None):
    return model, GOOD, asserted, stamped, xid
