"""GetObjectAttributes: an object's parts with their checksums, raw or as the AWS CLI prints it.

One element a part, where the upload was given checksums (Amazon S3 API Reference)::

    <GetObjectAttributesResponse><ETag>61a9…-2</ETag><Checksum><ChecksumSHA256>kJ8…=</…>
    <ChecksumType>COMPOSITE</ChecksumType></Checksum><ObjectParts><PartsCount>2</PartsCount>
    <IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>5242880</Size>
    <ChecksumSHA256>3c0…=</ChecksumSHA256></Part>…</ObjectParts>
    <ObjectSize>5242881</ObjectSize></GetObjectAttributesResponse>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.s3 import clijson
from collectors.s3.listing import NotAListingError
from collectors.s3.xmlpage import local, root_of

if TYPE_CHECKING:
    from lxml import etree

ROOTS = ("GetObjectAttributesResponse", "GetObjectAttributesOutput", "GetObjectAttributesResult")
"""The first is S3's; the others are those of SeaweedFS and of moto."""
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload."""

    number: int
    size: int | None
    """Bytes."""
    checksums: Mapping[str, str]
    """Base64 by algorithm."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What one answer says."""

    size: int | None
    """Bytes of the whole object."""
    checksums: Mapping[str, str]
    """Base64 by algorithm, of the whole object or of its parts' checksums, as ``type`` says."""
    type: str
    count: int | None
    """How many parts there are; null where it is not said."""
    parts: tuple[Part, ...]
    following: int | None
    """The part after which the next answer goes on; null where there is none."""


def read(data: bytes) -> Attributes:
    """From the XML of S3.

    Raises:
        NotAListingError: it is something else.
    """
    root = root_of(data)
    if local(root.tag) not in ROOTS:
        raise NotAListingError(f"expected {ROOTS[0]}, found {local(root.tag)[:80]!r}")
    return _attributes(_tree(root))


def cli(data: bytes) -> Attributes:
    """From ``aws s3api get-object-attributes``.

    Raises:
        NotAListingError: it is something else.
    """
    top = clijson.load(data)
    if not top.keys() & {"ETag", "Checksum", "ObjectParts", "ObjectSize"}:
        raise NotAListingError(f"expected ETag, Checksum or ObjectParts, found {sorted(top)[:5]}")
    return _attributes(top)


def next_part(data: bytes) -> int | None:
    """Where the next answer goes on; null where there is none, or this is no answer."""
    try:
        return read(data).following
    except NotAListingError:
        return None


def _tree(element: etree._Element) -> dict[str, Any]:
    """XML as the dictionary that the AWS CLI would print; ``Part`` as a list."""
    made: dict[str, Any] = {}
    for child in element:
        name = local(child.tag)
        value: Any = _tree(child) if len(child) else (child.text or "")
        if name == "Part":
            made.setdefault("Parts", []).append(value)
        else:
            made.setdefault(name, value)
    return made


def _attributes(top: Mapping[str, Any]) -> Attributes:
    checksum = _table(top.get("Checksum"))
    said = _table(top.get("ObjectParts"))
    listed = said.get("Parts")
    parts = [
        Part(number, _number(part.get("Size")), _checksums(part))
        for part in (listed if isinstance(listed, list) else [])
        if isinstance(part, dict) and (number := _number(part.get("PartNumber"))) is not None
    ]
    more = str(said.get("IsTruncated")).lower() == "true"
    return Attributes(
        size=_number(top.get("ObjectSize")),
        checksums=_checksums(checksum),
        type=str(checksum.get("ChecksumType") or ""),
        count=_number(said.get("PartsCount", said.get("TotalPartsCount"))),
        parts=tuple(parts),
        following=_number(said.get("NextPartNumberMarker")) if more else None,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _checksums(table: Mapping[str, Any]) -> dict[str, str]:
    found = {name: clijson.text(table.get(f"Checksum{name}")) for name in ALGORITHMS}
    return {name: value for name, value in found.items() if value}


def _number(value: object) -> int | None:
    if type(value) is int:
        return value if 0 <= value < 10**18 else None
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004  (2⁶³)
