"""The examiner's own clock, measured whenever evidence is acquired, and not trusted.

The clock ``examiner`` dates every acquisition. What binds it to UTC is asked for when
``recon collect`` begins and when it ends (:mod:`collectors.clock.measure`), and kept as items:
the NTP daemon's status and the answers of Roughtime servers. What they say is read from the items
alone (:mod:`collectors.clock.events`). Where none says anything, the clock is unmeasured, and
``recon collect`` and ``recon clocks`` say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.clock.options import ClockOptions
from recon.collector import Collector, Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Source


def acquire(acquisition: Acquisition) -> None:
    """One measurement."""
    from collectors.clock import measure

    measure.acquire(acquisition)


def parse(source: Source, items: Items) -> Parsed:
    """Items to events: see :mod:`collectors.clock.events`."""
    from collectors.clock import events

    return events.parse(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """A part of a measurement, cited as a JSON pointer (RFC 6901).

    Raises:
        BadInputError: there is no such part.
    """
    import json

    del source
    found = json.loads(items.read(item))
    path = citation.split("/")[1:]
    try:
        for part in path:
            found = found[int(part)] if isinstance(found, list) else found[part]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        where, todo = f"item {item.sha256[:16]}", "cite as a JSON pointer: `/commands/0`"
        raise BadInputError("a part of the measurement", repr(citation), where, todo) from error
    # Citations are made here, of fixed names and numbers: they need no quoting.
    keys = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path)
    text = json.dumps(found, indent=1, sort_keys=True)
    return Quote(text, f"jq -S {keys or '.'} ITEM", verbatim=False)


EXAMPLE = """\
[[source]]
id = "examiner"
collector = "clock"
domain = "examiner"
# roughtime = [{ name = "one", address = "roughtime.example.org:2002", key = "…base64…" }]
"""

collector = Collector(
    "clock",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=ClockOptions,
    claim=None,
    example=EXAMPLE,
    each_run=True,
    kinds=("examiner", "clock.*"),
)
