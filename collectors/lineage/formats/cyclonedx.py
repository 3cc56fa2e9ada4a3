"""CycloneDX bills of materials, those of machine learning (ML-BOM) among them.

A real sample (made for 1.6; shortened)::

    {"bomFormat": "CycloneDX", "specVersion": "1.6",
     "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79", "version": 1,
     "metadata": {"timestamp": "2026-02-14T10:20:00Z",
        "tools": {"components": [{"type": "application", "name": "cyclonedx-py"}]}},
     "components": [
      {"type": "machine-learning-model", "bom-ref": "model", "name": "credit-risk",
       "version": "2.3.1", "purl": "pkg:mlflow/credit-risk@2.3.1",
       "hashes": [{"alg": "SHA-256", "content": "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27…"}],
       "modelCard": {"modelParameters": {"datasets": [{"ref": "data"}]}}},
      {"type": "data", "bom-ref": "data", "name": "credit/2026-02-13.parquet"}],
     "dependencies": [{"ref": "model", "dependsOn": ["data"]}]}

Each component is a record, dated by the bill's own ``timestamp`` (asserted), and so is each list of
dependencies. A model's subject is ``model:NAME@VERSION``, that of others ``component:`` and the
package URL, or name and version.

Source: CycloneDX 1.6 (ECMA-424), ``bom-1.6.schema.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json
from collectors.lineage.record import Node, Record, Time, words

_MODEL = "machine-learning-model"
_MOST_DEEP = 100
"""Components within components; the decoder of JSON goes not much deeper."""


def _records(bom: Node, document: Document, _: File) -> Iterator[Record]:
    metadata = bom.node("metadata")
    time = Time(metadata.text("timestamp"), clock="timestamp")
    actor = _maker(metadata)
    serial = bom.text("serialNumber") or "unnumbered"
    here = document.citation if document.line else document.place("")
    head = {key: value for key, value in bom.value.items() if key != "components"}
    record = Record(
        here, "bom.created", f"bom:{serial}", serial, time, actor,
        value=f"CycloneDX {bom.text('specVersion') or ''}".strip(), text=words(head),
    )  # fmt: skip
    record.states("version", bom.text("version"))
    yield record
    subjects: dict[str, str] = {}
    of = metadata.node("component")
    components = [*([of] if of else []), *bom.nodes("components"), *bom.nodes("services")]
    for component, depth in _all(components):
        one = _component(component, document, time, actor)
        reference = component.text("bom-ref")
        if reference is not None:
            subjects[reference] = one.subject
        if depth >= _MOST_DEEP:
            component.odd("components", f"components at most {_MOST_DEEP} deep")
        yield one
    for one_ in bom.nodes("dependencies"):
        yield _dependency(one_, document, subjects, time, actor)


def _all(components: list[Node]) -> Iterator[tuple[Node, int]]:
    """Components and those within them, in the order of the document."""
    left = [(one, 0) for one in reversed(components)]
    while left:
        component, depth = left.pop()
        yield component, depth
        if depth < _MOST_DEEP:
            within = [(one, depth + 1) for one in component.nodes("components")]
            left += reversed(within)


def _component(component: Node, document: Document, time: Time, actor: str | None) -> Record:
    name, version = component.text("name") or "unnamed", component.text("version")
    full = name if version is None else f"{name}@{version}"
    purl, kind = component.text("purl"), component.text("type")
    subject = f"model:{full}" if kind == _MODEL else f"component:{purl or full}"
    here = document.citation if document.line else component.place
    own = {key: value for key, value in component.value.items() if key != "components"}
    record = Record(here, "bom.component", subject, full, time, actor, kind, text=words(own))
    record.hashes(
        [(one.text("alg") or "", one.text("content") or "") for one in component.nodes("hashes")]
    )
    record.states("purl", purl)
    record.states("publisher", component.text("publisher"))
    datasets = component.node("modelCard").node("modelParameters").nodes("datasets")
    for one in datasets:
        record.states("dataset", one.text("ref") or one.text("name"))
    return record


def _dependency(
    one: Node, document: Document, subjects: dict[str, str], time: Time, actor: str | None
) -> Record:
    of = one.text("ref") or "unnamed"
    here = document.citation if document.line else one.place
    subject = subjects.get(of, f"component:{of}")
    record = Record(here, "bom.dependencies", subject, of, time, actor, text=words(one.value))
    for key, attribute in (("dependsOn", "depends_on"), ("provides", "provides")):
        for other in one.scalars(key):
            record.states(attribute, subjects.get(other, other))
    return record


def _maker(metadata: Node) -> str | None:
    """Who made the bill: its author, else the tool."""
    tools = metadata.value.get("tools")
    listed = metadata.node("tools").nodes("components") if isinstance(tools, dict) else (
        metadata.nodes("tools")
    )  # fmt: skip
    people = (one.text("name") or one.text("email") for one in metadata.nodes("authors"))
    found = [one for one in (*people, *(tool.text("name") for tool in listed)) if one]
    return found[0] if found else None


def _is(head: dict[str, Any]) -> bool:
    return head.get("bomFormat") == "CycloneDX"


FORMAT = Format("cyclonedx", "CycloneDX 1.6, JSON", of_json(_records), _is)
