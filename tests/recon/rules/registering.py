"""What stories of rows that were registered anew have in common."""

from __future__ import annotations

from tests.stories import BAD, Story

FEBRUARY = "2026-02-14 10:00:00"
BEFORE = "2026-03-08 02:00"
NOW = "2026-04-02 09:00"
EARLY = ("2026-03-04 10:00", 690, 1)
"""An insert before the snapshot, which shows that the log follows the table."""
MARCH = ("2026-03-01 00:00", "2026-04-01 00:00")
ANEW = ("m1", BAD, FEBRUARY, "19:12", 800)


def by_dump(story: Story) -> Story:
    """Its snapshot is a dump, by the clock of the machine that made it."""
    seen = next(row for row in story.rows if row["kind"] == "snapshot")
    seen["clock"] = "pg:lineage-db/dump"
    return story
