r"""Deploy logs: what a job, a forge or a machine wrote of deployments, in the formats of many.

:mod:`collectors.deploylog.formats` has a file for each format, with a real sample of it. What
follows holds for all; the sample is of JSON lines by the case's own mapping (three lines as a
deploy job wrote them; in the file each stands on one line)::

    {"ts": "2026-02-14T09:31:07Z", "event": "deploy.start", "user": "ci@acme",
     "model": "credit-risk", "version": "2.3.1", "run": "r-1187",
     "sha": "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"}
    {"ts": "2026-02-14T09:33:41.118Z", "event": "deploy.finish", "user": "ci@acme",
     "model": "credit-risk", "version": "2.3.1", "run": "r-1187",
     "sha256": "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f"}
    {"ts": 1771061621, "event": "deploy.finish", "user": "ci@acme",
     "model": "churn", "version": "1.0.4"}

``case.toml`` says which key holds what; ``a.b`` reaches into a nested object. Most formats know
themselves which key is the time, the kind and the actor; what a record claims of which subject is
always for the case to say.
The item is the file as it was; a citation is ``line N`` as ``sed -n Np`` counts (by line feeds), or
``bytes A-B`` where a record is no line.
Each record gives its own event (part 0, kind in the log's own words) and, for each declared
attribute that it holds, a ``claim`` (part 1 for the first attribute of the mapping, and so on).

A log's times are asserted where the job that deploys writes them, and stamped where the program
that keeps the log dates what it takes in (Docker, the journal, an API server, a forge).
Lines follow one another in the file, which the stream ``lines:ITEM`` keeps by byte offset. That
is no order of acts: several jobs may write one file, and a queue may bring records late. Where the
case says that one writer appends to the file and nothing else does (``append_only``), the stream
is ``log:ITEM``, and its order a law.
Whether a file was only ever appended to, the file cannot say, and so no coverage is claimed. What
it does show of itself (an end within a line, numbers that are missing, a start that is not the one
it had) is said; see :mod:`collectors.deploylog.integrity`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.deploylog.options import DeployLogOptions
from recon.collector import STATEMENTS, Collector

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source


def acquire(acquisition: Acquisition) -> None:
    """Copy each file in as one item; one that cannot be had is recorded, and the others go on."""
    from collectors.files import acquire_files

    options: DeployLogOptions = acquisition.source.options
    acquire_files(acquisition, options.files(), f"log.{options.format}")


def parse(source: Source, items: Items) -> Parsed:
    """Records to events; see :mod:`collectors.deploylog.events`."""
    from collectors.deploylog.events import read

    return read(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """One record as it stands in the file; see :mod:`collectors.deploylog.quoting`."""
    from collectors.deploylog.quoting import find

    return find(source, items, item, citation)


_EXAMPLE = """\
[[source]]
id = "deploys"
collector = "deploylog"
domain = "platform"
path = "deploys.jsonl"
format = "jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{model}@{version}"
attributes = { artifact = "sha256", commit = "sha" }
"""

collector = Collector(
    "deploylog",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=DeployLogOptions,
    claim=None,
    example=_EXAMPLE,
    kinds=STATEMENTS,
)
