"""lakeFS: its log of commits, its branches and tags, and its objects, as the API gives them.

A real sample (``GET /repositories/models/refs/main/commits``)::

    {"pagination": {"has_more": false, "max_per_page": 1000, "next_offset": "", "results": 1},
     "results": [
      {"id": "c7a632d74f46c2a5b5c1c0d3d1b0ba6e2cba0d9c3b8d5e7a90a4d5e0c4fb7a10",
       "parents": ["9c1f4a8b1e6b5c3a7d9e2f4b6a8c0d1e3f5a7b9c1d3e5f7a9b1c3d5e7f9a1b3c"],
       "committer": "ci@acme", "message": "credit-risk 2.3.1", "creation_date": 1771063500,
       "meta_range_id": "61d6c2f0f1a8…", "metadata": {"model": "credit-risk", "version": "2.3.1"},
       "generation": 41, "version": 1}]}

``creation_date`` is in seconds. The server writes it, unless who commits gives a ``date`` of their
own, and what is exported does not say which it was: asserted. An object's ``checksum`` may be an
ETag, and is claimed as text.

Source: lakeFS OpenAPI 1.0.0 (CommitList, RefList, ObjectStatsList, CommitCreation).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json, unread
from collectors.lineage.record import Node, Record, Time, bare_digest, words


def _records(top: Node, document: Document, file: File) -> Iterator[Record]:
    if top.node("pagination") and top.node("pagination").text("has_more") == "true":
        file.said.warn(
            document.citation,
            "expected all results; found a page after which there are more: those are not here",
        )
    entries = list(top.nodes("results")) if "results" in top.value else [top]
    for entry in entries:
        here = document.citation if document.line else entry.place or document.place("")
        if "creation_date" in entry.value or "meta_range_id" in entry.value:
            yield _commit(entry, here)
        elif "commit_id" in entry.value:
            yield _ref(entry, here)
        elif "path" in entry.value:
            yield _object(entry, here)
        else:
            yield unread(here, "expected a commit, a ref or an object; found neither", file)


def _commit(entry: Node, here: str) -> Record:
    own = entry.text("id") or "unnamed"
    time = Time(entry.text("creation_date"), "s", "creation_date")
    record = Record(
        here, "lakefs.commit", f"lakefs:commit/{own}", own, time, entry.text("committer"),
        value=entry.text("message"), text=words(entry.value),
    )  # fmt: skip
    record.states("meta_range", entry.text("meta_range_id"))
    for parent in entry.scalars("parents"):
        record.states("parent", parent)
    metadata = entry.node("metadata")
    for key in metadata.value:
        value = metadata.text(key)
        record.states(f"metadata.{key}", value, bare_digest(value))
    return record


def _ref(entry: Node, here: str) -> Record:
    own = entry.text("id") or "unnamed"
    record = Record(here, "lakefs.ref", f"lakefs:ref/{own}", own, text=words(entry.value))
    record.states("commit", entry.text("commit_id"))
    return record


def _object(entry: Node, here: str) -> Record:
    own = entry.text("path") or "unnamed"
    record = Record(
        here, "lakefs.object", f"file:{own}", own, Time(entry.text("mtime"), "s", "mtime"),
        text=words(entry.value),
    )  # fmt: skip
    for key in ("checksum", "physical_address", "size_bytes"):
        record.states(key, entry.text(key))
    metadata = entry.node("metadata")
    for key in metadata.value:
        value = metadata.text(key)
        record.states(f"metadata.{key}", value, bare_digest(value))
    return record


def _is(head: dict[str, Any]) -> bool:
    results = head.get("results")
    first = results[0] if isinstance(results, list) and results else head
    return isinstance(first, dict) and (
        "meta_range_id" in first or {"id", "commit_id"} <= set(first) or "path_type" in first
    )


FORMAT = Format("lakefs", "lakeFS API 1.0.0, JSON", of_json(_records), _is)
