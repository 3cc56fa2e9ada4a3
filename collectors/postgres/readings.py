"""The server's ``clock_timestamp()`` between two readings of the examiner's clock.

A live capture asks for it before each file. It was read after our question had left and before
the answer had come, so it ties the two clocks to each other, to the width of that exchange; and
neither to UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collectors.postgres.lines import Row
from recon.collector import Item
from recon.errors import BadInputError
from recon.instants import interval
from recon.readings import EXAMINER, Reading, one_instant


def reading_events(item: Item, source: str) -> Iterator[Row]:
    """Two events, at the file's place, after its snapshot; none where it came as an export."""
    told = item.meta.get("clock")
    if not isinstance(told, Mapping):
        return
    try:
        before, server, after = (
            interval(str(told.get(name)))[0] for name in ("ours_before", "server", "ours_after")
        )
    except BadInputError:
        return
    if before <= after:
        yield from one_instant(
            (Reading(EXAMINER, before, after), Reading(f"pg:{source}/server", server, server)),
            item=item.sha256,
            citation="",
            by=f"clock_timestamp() of {source}",
            part=1,
        )
