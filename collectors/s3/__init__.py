"""S3: which versions of which objects a bucket holds, since when, and with what bytes.

Live, the XML pages of ``ListObjectVersions`` are kept as they come, for their order
(:mod:`collectors.s3.xmlpage` shows one); with them HEADs of the claimed versions
(:mod:`collectors.s3.heads`), their locks and bytes, and the bucket's configuration. Offline, the
same from the AWS CLI's JSON (:mod:`collectors.s3.clijson`), S3 Inventory, access logs and
CloudTrail. A version as it stands in a page, in one line there::

    <Version><Key>models/credit-risk/2.3.1/model.bin</Key><VersionId>QUpfdndh</VersionId>
    <IsLatest>true</IsLatest><LastModified>2026-02-14T10:05:00.000Z</LastModified>
    <ETag>&quot;c81e728d9d4c2f636f067f89cc14862c&quot;</ETag><Size>1</Size>
    <Owner><ID>75aa57f0</ID></Owner><StorageClass>STANDARD</StorageClass></Version>

Its event: ``object.put`` of ``s3:BUCKET/KEY`` at ``LastModified``, which S3 stamps, on the clock
``s3:SOURCE``. What its bytes are only a checksum of the whole object says, and so a claim stands
on a HEAD. The README beside this file lists kinds, rights and decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.s3.options import S3Claim, S3Options
from recon.collector import Collector

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source
    from recon.rules.base import Timeline


def acquire(acquisition: Acquisition) -> None:
    """From exports where the case names some, else from the server."""
    if acquisition.source.options.exports:
        from collectors.s3 import exports

        exports.acquire(acquisition)
    else:
        from collectors.s3 import live

        live.acquire(acquisition)


def parse(source: Source, items: Items) -> Parsed:
    """Items to events: see :mod:`collectors.s3.events`."""
    from collectors.s3 import events

    return events.parse(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The source's words: see :mod:`collectors.s3.quoting`."""
    from collectors.s3 import quoting

    return quoting.quote(source, items, item, citation)


def held_at(timeline: Timeline, source: Source, instant: datetime) -> pl.LazyFrame:
    """The newest version of each key at an instant: see :mod:`collectors.s3.held`."""
    from collectors.s3 import held

    return held.at(held.of_timeline(timeline, source.id), instant)


def kept_now(timeline: Timeline, source: Source) -> pl.LazyFrame:
    """What keeps each version: see :mod:`collectors.s3.kept`."""
    from collectors.s3 import kept

    return kept.of_timeline(timeline, source.id)


def settings_of(timeline: Timeline, source: Source) -> pl.LazyFrame:
    """What the bucket was set to over time: see :mod:`collectors.s3.settings`."""
    from collectors.s3 import settings

    return settings.of_timeline(timeline, source.id, source.options.bucket)


EXAMPLE = """\
[[source]]
id = "models"
collector = "s3"
domain = "storage"
url = "s3://acme-models/"
# endpoint = "https://s3.example.org"       # where it is not AWS
# exports = [{ path = "exports/2026-04-02", taken = "2026-04-02T09:00Z" }]
[[source.claim]]
key = "models/{model}/{version}/model.bin"
subject = "model:{model}@{version}"
"""

collector = Collector(
    "s3",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=S3Options,
    claim=S3Claim,
    example=EXAMPLE,
    held=held_at,
    kept=kept_now,
    settings=settings_of,
    kinds=(
        *("*", "!wal.*", "!row.*", "!table.*", "!database.*", "!timeline.*", "!backup.*"),
        *("!git.*", "!deploy.*"),
    ),
)
