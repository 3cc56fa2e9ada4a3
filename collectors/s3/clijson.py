r"""What the AWS CLI prints: version listings, HEADs and bucket configuration as JSON.

``aws s3api list-object-versions --bucket acme-models`` puts all pages into one object, versions
and delete markers in two lists, and leaves out the bucket's name and where it started::

    {"Versions": [{"ETag": "\"c81e728d9d4c2f636f067f89cc14862c\"", "Size": 1,
                   "StorageClass": "STANDARD", "Key": "m/2/model.bin",
                   "VersionId": "QUpfdndh", "IsLatest": false,
                   "LastModified": "2026-02-14T10:05:00.000Z",
                   "Owner": {"DisplayName": "acme", "ID": "75aa57f0"}}],
     "DeleteMarkers": [{"Owner": {"DisplayName": "acme", "ID": "75aa57f0"},
                        "Key": "m/2/model.bin", "VersionId": "3HL4kqtJ", "IsLatest": true,
                        "LastModified": "2026-03-08T20:05:00.000Z"}],
     "RequestCharged": null, "Prefix": null}

With ``--no-paginate`` it is one page, with ``Name``, ``KeyMarker`` and ``IsTruncated``; with
``--max-items`` it ends in ``NextToken``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3.listing import MAX_BYTES, VERSIONS, NotAListingError, Note, Page
from collectors.s3.xmlpage import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTS = {"Versions": "object.put", "DeleteMarkers": "object.delete"}
_MOST = 1 << 63
# A lone half of a surrogate pair is no text; json gives it as it stands.
_LONE = re.compile("[\ud800-\udfff]")


def load(data: bytes) -> dict[str, Any]:
    """A JSON object; UTF-16 of a PowerShell redirection is read too.

    Raises:
        NotAListingError: it is too large, no JSON, or no object.
    """
    if len(data) > MAX_BYTES:
        raise NotAListingError(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        value = json.loads(data.decode(json.detect_encoding(data)))
    except (ValueError, RecursionError) as error:
        raise NotAListingError(f"expected JSON, found {data[:40]!r} ({error})") from error
    if not isinstance(value, dict):
        raise NotAListingError(f"expected a JSON object, found a {type(value).__name__}")
    return value


def text(value: object) -> str | None:
    """The value if it is text that can be written as UTF-8, else null."""
    return value if isinstance(value, str) and not _LONE.search(value) else None


def read(data: bytes) -> Page:
    """A version listing as the AWS CLI prints it.

    Raises:
        NotAListingError: the bytes are something else.
    """
    top = load(data)
    if not top.keys() & {*_LISTS, "IsTruncated", "Prefix", "NextToken"}:
        raise NotAListingError(f"expected Versions or DeleteMarkers, found {sorted(top)[:5]}")
    notes: list[Note] = []
    frames = [_versions(top, name, notes) for name in _LISTS]
    versions = pl.concat(frames)
    if text(top.get("EncodingType")) == "url":
        keys, _ = decoded(versions["key"].to_list(), is_encoded=True)
        versions = versions.with_columns(pl.Series("key", keys, pl.String()))
    following = text(top.get("NextKeyMarker"))
    marker = text(top.get("KeyMarker"))
    truncated = top.get("IsTruncated")
    aggregated = not isinstance(truncated, bool)
    # `"Prefix": null` is what the CLI prints where no prefix was asked for.
    prefix = text(top.get("Prefix")) or ("" if "Prefix" in top or not aggregated else None)
    return Page(
        versions=versions,
        ordered=False,
        bucket=text(top.get("Name")),
        prefix=prefix,
        markers=None if marker is None else (marker, text(top.get("VersionIdMarker")) or ""),
        following=(
            None if not following else (following, text(top.get("NextVersionIdMarker")) or "")
        ),
        truncated=truncated if isinstance(truncated, bool) else None,
        token=bool(top.get("NextToken")),
        aggregated=aggregated,
        notes=notes,
    )


def _versions(top: Mapping[str, Any], name: str, notes: list[Note]) -> pl.DataFrame:
    """One of the two lists as rows; what is no object is left out with a note."""
    rows = top.get(name)
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        notes.append(Note(f"/{name}", f"expected a list, found a {type(rows).__name__}", "error"))
        rows = []
    # Comprehensions by column: a JSON reader with a schema refuses the whole file for one bad type.
    good = [(i, row) for i, row in enumerate(rows) if isinstance(row, dict)]
    notes += [
        Note(f"/{name}/{i}", "expected an object, found other; left out", "error")
        for i, row in enumerate(rows)
        if not isinstance(row, dict)
    ]
    owners = [row.get("Owner") for _, row in good]
    return pl.DataFrame(
        {
            "kind": [_LISTS[name]] * len(good),
            "key": [text(row.get("Key")) for _, row in good],
            "version": [text(row.get("VersionId")) for _, row in good],
            "modified": [text(row.get("LastModified")) for _, row in good],
            "etag": [text(row.get("ETag")) for _, row in good],
            "latest_version": [
                row["IsLatest"] if isinstance(row.get("IsLatest"), bool) else None
                for _, row in good
            ],
            "size": [
                row["Size"] if type(row.get("Size")) is int and 0 <= row["Size"] < _MOST else None
                for _, row in good
            ],
            "storage": [text(row.get("StorageClass")) for _, row in good],
            "owner": [
                text(o.get("DisplayName")) or text(o.get("ID")) if isinstance(o, dict) else None
                for o in owners
            ],
            "citation": [f"/{name}/{i}" for i, _ in good],
        },
        schema=VERSIONS,
    ).with_columns(pl.col("etag").str.strip_chars('"'))


def pointer(document: object, path: str) -> object:
    """The value at a JSON pointer (RFC 6901).

    Raises:
        KeyError: nothing is there.
    """
    here = document
    for step in path.split("/")[1:] if path else []:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isascii() and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        else:
            raise KeyError(path)
    return here
