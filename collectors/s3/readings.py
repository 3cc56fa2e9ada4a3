"""The server's ``Date`` between two readings of the examiner's clock: how far apart the two are.

A server writes ``Date`` when it makes its answer (RFC 9110, 6.6.1), to the second: after the
request was sent and before the answer had come. That ties the examiner's clock to the server's,
and neither to UTC. An answer that a cache kept (``Age``) is left out; live answers alone have
readings around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collectors.s3 import times
from collectors.s3.kinds import CONFIGURATION, PAGE
from recon.errors import BadInputError
from recon.instants import interval
from recon.readings import EXAMINER, Reading, one_instant

if TYPE_CHECKING:
    from recon.collector import Items, Source


def readings(source: Source, items: Items) -> Iterator[dict[str, Any]]:
    """Two events for each answer that a page or a setting came in; small, as few are asked for."""
    for item in items.of(PAGE, CONFIGURATION):
        date = times.http_date(item.meta.get("date"))
        before, after = (_ours(item.meta.get(name)) for name in ("before", "after"))
        if date is None or before is None or after is None or after < before:
            continue
        if item.meta.get("age") is not None:
            continue
        yield from one_instant(
            (Reading(EXAMINER, before, after), Reading(f"s3:{source.id}", *date)),
            item=item.sha256,
            citation="",
            by=f"Date of what {source.id} answered",
        )


def _ours(text: object) -> datetime | None:
    try:
        return interval(text)[0] if isinstance(text, str) else None
    except BadInputError:
        return None
