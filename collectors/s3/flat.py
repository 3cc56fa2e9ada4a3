"""Versions of a page as columns, taken out by libxslt instead of element by element.

A style sheet of ours writes each version as a line of fields, as ``Version``, a mark, the key, a
mark, the version id … It knows pages as S3 writes them. Whatever could be read in two ways is
counted, and left to the reader that goes through the elements: a field that stands twice, one with
elements within it, a mark within a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml import etree

_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"
"""Namespace of S3's answers (Amazon S3 API Reference); pages of others are read by elements."""
KINDS = {"Version": "object.put", "DeleteMarker": "object.delete"}
_FIELDS = {
    "Key": "key",
    "VersionId": "version",
    "LastModified": "modified",
    "ETag": "etag",
    "IsLatest": "latest_version",
    "Size": "size",
    "StorageClass": "storage",
    "Owner/s:DisplayName": "name",
    "Owner/s:ID": "id",
}
# XML allows both in a text, where a page has more of them than it has fields.
_FIELD, _ROW = "\x7f", "\n"
_BESIDE = "*[not(self::s:Version or self::s:DeleteMarker)]"
_COUNTED = (
    "descendant::*",
    "*/s:Owner",
    "*/s:ChecksumAlgorithm",
    "*/s:ChecksumType",
    "*/s:RestoreStatus/descendant-or-self::*",
)
"""All elements, and those of a version that are not taken."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A regular page."""

    tags: list[str]
    """``Version`` or ``DeleteMarker``, in their order."""
    columns: dict[str, list[str]]
    """Text by column of :data:`collectors.s3.listing.VERSIONS`, empty where nothing is said."""
    beside: list[etree._Element]
    """Elements that are no versions."""


@cache
def _sheet() -> etree.XSLT:
    from lxml import etree

    fields = "".join(
        f'<x:text>&#x{ord(_FIELD):x};</x:text><x:value-of select="s:{name}"/>' for name in _FIELDS
    )
    return etree.XSLT(
        etree.fromstring(
            f"""<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"
              xmlns:s="{_S3}"><x:output method="text"/><x:template match="/">
              <x:for-each select="/*/s:Version|/*/s:DeleteMarker">
              <x:value-of select="local-name()"/>{fields}<x:text>&#x{ord(_ROW):x};</x:text>
              </x:for-each></x:template></x:stylesheet>"""
        )
    )


def versions(root: etree._Element) -> Flat | None:
    """Columns of all versions; null where the page is not regular."""
    from lxml import etree

    if root.tag != f"{{{_S3}}}ListVersionsResult":
        return None
    try:
        text = str(_sheet()(root.getroottree()))
        beside = _xpath(root, _BESIDE)
        every, owners, *others = (_count(root, path) for path in _COUNTED)
        height = _count(root, "s:Version") + _count(root, "s:DeleteMarker")
    except (etree.XPathError, etree.XSLTApplyError):
        return None
    rows = [line.split(_FIELD) for line in text.split(_ROW)]
    if rows.pop() != [""] or len(rows) != height or {*map(len, rows)} - {len(_FIELDS) + 1}:
        return None
    tags, *values, names, ids = map(list, zip(*rows, strict=True)) if rows else [[]] * 10
    owner = [name or id_ for name, id_ in zip(names, ids, strict=True)]
    filled = sum(len(rows) - one.count("") for one in (*values, names, ids))
    around = [one for element in beside for one in element.iter()]
    # Each element is one that was taken, or has nothing to say here: so none stands twice, none is
    # empty, none is within another.
    if every != len(around) + len(rows) + filled + owners + sum(others):
        return None
    if owners != len(rows) - owner.count("") or {_local(one) for one in beside} & set(KINDS):
        return None
    columns = dict(zip(list(_FIELDS.values())[:-2], values, strict=True))
    return Flat(tags, {**columns, "owner": owner}, beside)


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _count(root: etree._Element, path: str) -> int:
    return int(_xpath(root, f"count({path})"))


def _xpath(root: etree._Element, path: str) -> Any:  # noqa: ANN401  (what the path is of)
    return root.xpath(path, namespaces={"s": _S3})
