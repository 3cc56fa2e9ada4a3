"""OpenLineage events: which run of which job read and wrote which datasets.

A real sample (the Python client's ``file`` transport; in the file it stands on one line)::

    {"eventTime": "2026-02-14T10:05:00.120000+00:00", "eventType": "COMPLETE",
     "inputs": [{"facets": {}, "name": "credit/2026-02-13.parquet", "namespace": "s3://features"}],
     "job": {"facets": {"sourceCodeLocation": {"_producer": "https://github.com/acme/train",
        "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/…", "type": "git",
        "url": "https://git.example.org/acme/models",
        "version": "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"}},
        "name": "train.credit-risk", "namespace": "ml"},
     "outputs": [{"facets": {"version": {"datasetVersion":
        "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f", …}},
        "name": "models/credit-risk/2.3.1/model.bin", "namespace": "s3://acme-models"}],
     "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.43.0/client/python",
     "run": {"facets": {}, "runId": "019c5b5e-4f00-7c3e-9a77-3f1d6c8e2b10"},
     "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}

``eventTime`` is the clock of whatever ran the integration: asserted. A dataset's ``version`` facet
is its ``artifact`` where it is a whole digest. Events of jobs and of datasets, which belong to no
run, are read as well.

Source: OpenLineage 2-0-2, ``OpenLineage.json`` (RunEvent, DatasetEvent, JobEvent).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json
from collectors.lineage.record import Node, Record, Time, bare_digest, words

_STATES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")


def _records(event: Node, document: Document, _: File) -> Iterator[Record]:
    run = event.node("run").text("runId")
    job = _full(event.node("job"))
    time = Time(event.text("eventTime"), clock="eventTime")
    actor = event.text("producer")
    here = document.place("") if not document.line else document.citation
    commit = event.node("job").node("facets").node("sourceCodeLocation").text("version")
    if run is not None:
        yield _run(event, here, (run, job, commit), time, actor)
    elif job is not None:
        record = Record(here, "job.event", f"job:{job}", job, time, actor)
        record.states("commit", commit, bare_digest(commit))
        record.text = _own(event)
        yield record
    told = [("dataset.event", event.node("dataset"))] if "dataset" in event.value else []
    told += [("dataset.read", one) for one in event.nodes("inputs")]
    told += [("dataset.written", one) for one in event.nodes("outputs")]
    for kind, dataset in told:
        record = _dataset(dataset, document, kind, (run, job))
        record.time, record.actor = time, actor
        yield record


def _run(
    event: Node,
    here: str,
    about: tuple[str, str | None, str | None],
    time: Time,
    actor: str | None,
) -> Record:
    run, job, commit = about
    state = (event.text("eventType") or "OTHER").upper()
    kind = f"run.{state.lower()}" if state in _STATES else "run.other"
    record = Record(here, kind, f"run:{run}", run, time, actor, value=event.text("eventType"))
    facets = event.node("run").node("facets")
    record.states("run", run)
    record.states("job", job)
    record.states("commit", commit, bare_digest(commit))
    record.states("parent", facets.node("parent").node("run").text("runId"))
    record.states("nominal", facets.node("nominalTime").text("nominalStartTime"))
    # What a dataset names is its own record's.
    record.text = _own(event)
    return record


def _own(event: Node) -> str:
    own = {key: value for key, value in event.value.items() if key not in {"inputs", "outputs"}}
    return words(own)


def _dataset(
    dataset: Node, document: Document, kind: str, of: tuple[str | None, str | None]
) -> Record:
    name = _full(dataset) or "unnamed"
    here = document.citation if document.line else dataset.place
    record = Record(here, kind, f"dataset:{name}", name, text=words(dataset.value))
    run, job = of
    record.states("run", run)
    record.states("job", job)
    version = dataset.node("facets").node("version").text("datasetVersion")
    digest = bare_digest(version)
    record.states("artifact" if digest else "version", version, digest)
    record.digest = digest
    change = dataset.node("facets").node("lifecycleStateChange").text("lifecycleStateChange")
    record.states("change", change)
    return record


def _full(thing: Node) -> str | None:
    namespace, name = thing.text("namespace"), thing.text("name")
    return None if name is None else f"{namespace}/{name}" if namespace else name


def _is(head: dict[str, Any]) -> bool:
    return "eventTime" in head and bool({"run", "job", "dataset"} & set(head))


FORMAT = Format("openlineage", "OpenLineage 2-0-2", of_json(_records), _is)
