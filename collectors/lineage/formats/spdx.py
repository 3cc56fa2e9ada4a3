"""SPDX documents: 2.3 as JSON, and 3.0 as JSON-LD with its profiles for AI and data sets.

A real sample of 2.3 (shortened)::

    {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "credit-risk-2.3.1",
     "documentNamespace": "https://acme.example/spdx/credit-risk-2.3.1",
     "creationInfo": {"created": "2026-02-14T10:21:00Z", "creators": ["Tool: syft-1.20.0"]},
     "packages": [{"SPDXID": "SPDXRef-model", "name": "credit-risk", "versionInfo": "2.3.1",
        "primaryPackagePurpose": "MACHINE-LEARNING-MODEL", "builtDate": "2026-02-14T10:04:00Z",
        "checksums": [{"algorithm": "SHA256", "checksumValue": "0f343b0931126a20f133d67c…"}]}],
     "files": [{"SPDXID": "SPDXRef-f", "fileName": "./model.bin", "checksums": […]}],
     "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-model"}]}

and of 3.0, where all elements stand in one graph::

    {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
     {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1",
      "created": "2026-02-14T10:21:00Z", "createdBy": ["https://acme.example/ci"]},
     {"type": "ai_AIPackage", "spdxId": "https://acme.example/m", "name": "credit-risk",
      "creationInfo": "_:c", "software_packageVersion": "2.3.1",
      "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": "0f343b09…"}]}]}

Every element is a record, dated by the document's or its own ``created``; where it says when it was
built or released, that is an event of its own. All of it is asserted.

Source: SPDX 2.3, clauses 6 to 11; SPDX 3.0.1, Core, Software, AI and Dataset profiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json
from collectors.lineage.record import Node, Record, Time, words

_DATES_2 = {"builtDate": "built", "releaseDate": "released"}
_DATES_3 = {"builtTime": "built", "releaseTime": "released"}
_MODELS = {"MACHINE-LEARNING-MODEL", "AI_AIPACKAGE"}


def _records(top: Node, document: Document, file: File) -> Iterator[Record]:
    if "@graph" in top.value or "@context" in top.value:
        yield from _graph(top, document)
    elif "spdxVersion" in top.value:
        yield from _document(top, document)
    else:
        del file


def _document(top: Node, document: Document) -> Iterator[Record]:
    info = top.node("creationInfo")
    time = Time(info.text("created"), clock="created")
    actor = next(iter(info.scalars("creators")), None)
    name = top.text("documentNamespace") or top.text("name") or "unnamed"
    head = {k: v for k, v in top.value.items() if k not in {"packages", "files", "relationships"}}
    here = document.citation if document.line else document.place("")
    yield Record(
        here, "spdx.created", f"spdx:{name}", name, time, actor, top.text("spdxVersion"),
        text=words(head),
    )  # fmt: skip
    subjects: dict[str, str] = {}
    for key in ("packages", "files", "snippets"):
        for one in top.nodes(key):
            record = _element(one, document, time, actor)
            subjects[one.text("SPDXID") or ""] = record.subject
            yield record
            yield from _dated(record, one, _DATES_2, actor)
    for one in top.nodes("relationships"):
        of = one.text("spdxElementId") or "unnamed"
        here = document.citation if document.line else one.place
        record = Record(
            here, "spdx.relationship", subjects.get(of, f"spdx:{name}#{of}"), of, time, actor,
            text=words(one.value),
        )  # fmt: skip
        to = one.text("relatedSpdxElement") or ""
        word = (one.text("relationshipType") or "related").lower()
        record.states(word, subjects.get(to, to) or None)
        yield record


def _element(one: Node, document: Document, time: Time, actor: str | None) -> Record:
    name = one.text("name") or one.text("fileName") or "unnamed"
    version = one.text("versionInfo")
    purpose = (one.text("primaryPackagePurpose") or "").upper()
    kind = "spdx.package" if "name" in one.value else "spdx.file"
    record = _thing(one, document, (kind, name, version, purpose), time, actor)
    record.hashes(
        [
            (each.text("algorithm") or "", each.text("checksumValue") or "")
            for each in one.nodes("checksums")
        ]
    )
    record.states("download", one.text("downloadLocation"))
    return record


def _thing(
    one: Node,
    document: Document,
    about: tuple[str, str, str | None, str],
    time: Time,
    actor: str | None,
) -> Record:
    kind, name, version, purpose = about
    full = name if version is None else f"{name}@{version}"
    word = "model" if purpose in _MODELS else "file" if kind == "spdx.file" else "component"
    here = document.citation if document.line else one.place
    return Record(
        here, kind, f"{word}:{full.removeprefix('./')}", full.removeprefix("./"), time, actor,
        purpose.lower() or None, text=words(one.value),
    )  # fmt: skip


def _dated(of: Record, one: Node, dates: dict[str, str], actor: str | None) -> Iterator[Record]:
    for key, word in dates.items():
        when = one.text(key)
        if when is not None:
            yield Record(
                of.citation, f"spdx.{word}", of.subject, of.name, Time(when, clock=key), actor,
                digest=of.digest, text=of.text,
            )  # fmt: skip


def _graph(top: Node, document: Document) -> Iterator[Record]:
    elements = list(top.nodes("@graph")) if "@graph" in top.value else [top]
    infos = {
        one.text("@id") or one.text("spdxId") or "": one
        for one in elements
        if one.text("type") == "CreationInfo"
    }
    names = {
        (one.text("spdxId") or one.text("@id") or ""): one.text("name") or one.text("spdxId")
        for one in elements
    }
    for one in elements:
        told = one.value.get("creationInfo")
        info = one.node("creationInfo") if isinstance(told, dict) else infos.get(
            one.text("creationInfo") or "", one if one.text("type") == "CreationInfo" else None
        )  # fmt: skip
        time = Time(info.text("created") if info else None, clock="created")
        actor = next(iter(info.scalars("createdBy")), None) if info else None
        record = _of_graph(one, document, time, actor, names)
        yield record
        yield from _dated(record, one, _DATES_3, actor)


def _of_graph(
    one: Node,
    document: Document,
    time: Time,
    actor: str | None,
    names: dict[str, str | None],
) -> Record:
    sort = one.text("type") or "element"
    name = one.text("name") or one.text("spdxId") or one.text("@id") or "unnamed"
    kind = "spdx.file" if sort == "software_File" else f"spdx.{sort.rpartition('_')[2].lower()}"
    about = (kind, name, one.text("software_packageVersion"), sort.upper())
    record = _thing(one, document, about, time, actor)
    record.value = sort
    record.hashes(
        [
            (each.text("algorithm") or "", each.text("hashValue") or "")
            for each in one.nodes("verifiedUsing")
        ]
    )
    if sort.endswith("Relationship"):
        of = one.text("from") or ""
        record.subject = f"component:{names.get(of) or of}"
        for to in one.scalars("to"):
            word = one.text("relationshipType") or "related"
            record.states(word.lower(), names.get(to) or to)
    for key in ("ai_informationAboutTraining", "dataset_datasetType", "software_downloadLocation"):
        if key in one.value:
            record.states(key.partition("_")[2], ", ".join(one.scalars(key)) or None)
    return record


def _is(head: dict[str, Any]) -> bool:
    context = head.get("@context")
    return "spdxVersion" in head or (isinstance(context, str) and "spdx.org/rdf/3" in context)


FORMAT = Format("spdx", "SPDX 2.3 JSON, SPDX 3.0.1 JSON-LD", of_json(_records), _is)
