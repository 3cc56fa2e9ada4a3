"""Lineage and manifests: what registered what, in the formats that people have.

:mod:`collectors.lineage.formats` has a file for each format, with a real sample of it: MLflow,
OpenLineage, DVC, lakeFS, model cards, CycloneDX, SPDX, in-toto attestations and model signatures,
Prometheus, OpenTelemetry metrics. What follows holds for all.

The item is the file as it was. A citation is ``line 12`` where a document is a line, ``lines 3-9``
in YAML, a JSON pointer (``/components/3``; ``/`` is the whole document) or, in a database,
``table runs row 3``. Each record gives its own event, of the format's own kind (part 0 of its
place), and a ``claim`` for each attribute that it holds; records of one place take further parts.

A record is about what its format calls it: ``model:NAME@VERSION``, ``run:ID``,
``dataset:NAMESPACE/NAME``, ``file:PATH``. ``[[source.claim]]`` says which of those names are which
subject of the case, and which of the record's words is which attribute::

    [[source.claim]]
    name = "models/{model}/{version}/model.bin"
    subject = "model:{model}@{version}"

Times are asserted, but for what Prometheus scraped and what a transparency log promises under a
key of the case: who keeps those records wrote the time. Digests are named by the record that holds
them, so that what they are of was there before it. An MD5 or a SHA-1 of a file orders nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.lineage.options import LineageClaim, LineageOptions
from recon.collector import STATEMENTS, Collector

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source


def acquire(acquisition: Acquisition) -> None:
    """Copy each file in as one item; one that cannot be had is recorded, and the others go on."""
    from collectors.files import acquire_files
    from collectors.lineage import events, keys

    options: LineageOptions = acquisition.source.options
    acquire_files(acquisition, options.files(), events.RECORDS)
    if options.keys:
        acquire_files(acquisition, list(dict.fromkeys(options.keys)), keys.KEY)


def parse(source: Source, items: Items) -> Parsed:
    """Records to events; see :mod:`collectors.lineage.events`."""
    from collectors.lineage.events import read

    return read(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """One record as it stands; see :mod:`collectors.lineage.quoting`."""
    from collectors.lineage.quoting import find

    return find(source, items, item, citation)


_EXAMPLE = """\
[[source]]
id = "lineage"
collector = "lineage"
domain = "platform"
paths = ["openlineage.jsonl", "dvc.lock", "bom.json", "model.sig", "mlflow.db"]
# format = "openlineage"           # of all of them; else each is told by what is in it
# keys = ["keys/release.pem"]      # that signatures are checked with
[[source.claim]]                   # which named thing is which subject
name = "models/{model}/{version}/model.bin"
subject = "model:{model}@{version}"
"""

collector = Collector(
    "lineage",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=LineageOptions,
    claim=LineageClaim,
    example=_EXAMPLE,
    kinds=(*STATEMENTS, "!deploy.*", "!trail.*", "!log.*", "!clock.*", "!timestamp.token"),
)
"""Records of lineage to events: the record's own, and a claim for each attribute that it holds."""
