"""Versions of pages as columns, taken out of the text instead of element by element.

Where a page is as S3 writes it, a version is a few known elements side by side, each once, with
nothing but text in them. So the lengths of those that were found, added up, are the length of the
version: then there is nothing else in it. What adds up to anything else, or could be read in two
ways, is left to the reader that goes through the elements: a field that stands twice, one with
elements within it, a comment, CDATA, white space between elements, an entity of another name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from collectors.s3.listing import VERSIONS, NotAListingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

S3 = "http://s3.amazonaws.com/doc/2006-03-01/"
"""Namespace of S3's answers (Amazon S3 API Reference); pages of others are read by elements."""
ROOT = "ListVersionsResult"
KINDS = {"Version": "object.put", "DeleteMarker": "object.delete"}
_FIELDS = {
    "Key": "key",
    "VersionId": "version",
    "LastModified": "modified",
    "ETag": "etag",
    "IsLatest": "latest_version",
    "Size": "size",
    "StorageClass": "storage",
}
_OWNER = r"<Owner>((?:<ID>[^<]*</ID>)?(?:<DisplayName>[^<]*</DisplayName>)?)</Owner>"
_PASSED = {
    "algorithms": r"((?:<ChecksumAlgorithm>[^<]*</ChecksumAlgorithm>)+)",
    "type": r"(<ChecksumType>[^<]*</ChecksumType>)",
    "ceph": r"(<Type>[^<]*</Type>)",
}
"""What is of no use here; the last is what Ceph's RGW writes into each version."""
_ENTITIES = {"&quot;": '"', "&#34;": '"', "&apos;": "'", "&#39;": "'", "&lt;": "<", "&gt;": ">"}
_ENTITIES |= {"&amp;": "&"}
_CONTROLS = bytes(range(0x20))
"""In rows, white space included: XML turns some of it into other white space."""
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
"""U+FFFE and U+FFFF, which no XML holds."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A page that may be regular, with its versions cut out of it."""

    rows: list[str]
    """A version each, from its first tag to its last."""
    beside: list[etree._Element]
    """Elements that are no versions."""


def cut(data: bytes) -> Cut | None:
    """Null where the page is not regular; its versions are looked into by :func:`columns`."""
    from collectors.s3.xmlpage import root_of

    first = min((at for tag in KINDS if (at := data.find(b"<%b>" % tag.encode())) >= 0), default=-1)
    last = max(data.rfind(b"</%b>" % tag.encode()) + len(tag) + 3 for tag in KINDS)
    text = data[max(first, 0) : last]
    if not 0 <= first < last or not _is_plain(data, text):
        return None
    # What is around them is read as XML; a mark in their place shows where they stand in it.
    around = data[:first] + b"<Version/>" + data[last:]
    try:
        root = root_of(around)
    except NotAListingError:
        return None
    encoding = root.getroottree().docinfo.encoding or "UTF-8"
    if root.tag != f"{{{S3}}}{ROOT}" or (encoding.upper() != "UTF-8" and not text.isascii()):
        return None
    versions = [one for one in root.iter() if _local(one) in KINDS]
    if [(one.tag, one.getparent()) for one in versions] != [(f"{{{S3}}}Version", root)]:
        return None
    for tag in KINDS:
        end = b"</%b>" % tag.encode()
        text = text.replace(end, end + b"\n")
    try:
        rows = text.decode().split("\n")
    except UnicodeDecodeError:
        return None
    rows.pop()
    return Cut(rows, [one for one in root if one is not versions[0]])


def _is_plain(data: bytes, text: bytes) -> bool:
    """No comment, CDATA or instruction but the first, and characters that mean themselves."""
    return (
        b"<!" not in data
        and b"]]>" not in data
        and data.count(b"<?") == data.startswith(b"<?xml ")
        and len(text.translate(None, _CONTROLS)) == len(text)
        and text.count(b"&") == sum(text.count(one.encode()) for one in _ENTITIES)
        and not any(one in text for one in _NO_CHARACTERS)
    )


def columns(pages: Sequence[Cut]) -> list[pl.DataFrame | None]:
    """Rows of :data:`collectors.s3.listing.VERSIONS`, keys as they stand; null: not regular."""
    frame = pl.DataFrame(
        {
            "row": [row for page in pages for row in page.rows],
            "page": pl.Series(range(len(pages)), dtype=pl.UInt32).repeat_by(
                pl.Series([len(page.rows) for page in pages], dtype=pl.UInt32)
            ).explode(),
        }
    )  # fmt: skip
    row = pl.col("row")
    found = frame.select(
        "page",
        tag=pl.coalesce(
            pl.when(row.str.starts_with(f"<{tag}>") & row.str.ends_with(f"</{tag}>")).then(
                pl.lit(tag)
            )
            for tag in KINDS
        ),
        length=row.str.len_bytes(),
        owner=row.str.extract(_OWNER),
        **{name: row.str.extract(pattern) for name, pattern in _PASSED.items()},
        **{name: row.str.extract(f"<{tag}>([^<]*)</{tag}>") for tag, name in _FIELDS.items()},
    )
    taken = [pl.col(name).str.len_bytes() + 2 * len(tag) + 5 for tag, name in _FIELDS.items()]
    taken += [pl.col("owner").str.len_bytes() + 15, pl.col(*_PASSED).str.len_bytes()]
    taken += [2 * pl.col("tag").str.len_bytes() + 5]
    whole = pl.sum_horizontal(taken) == pl.col("length")
    regular = found.select("page", whole=whole & pl.col("tag").is_not_null())
    odd = set(regular.filter(~pl.col("whole"))["page"].unique())
    made = _read(found)
    start = 0
    out: list[pl.DataFrame | None] = []
    for number, page in enumerate(pages):
        out.append(None if number in odd else made.slice(start, len(page.rows)))
        start += len(page.rows)
    return out


def _read(found: pl.DataFrame) -> pl.DataFrame:
    names = [*_FIELDS.values(), "owner"]
    owner = pl.coalesce(
        _said(pl.col("owner").str.extract(f"<{tag}>([^<]*)</{tag}>"))
        for tag in ("DisplayName", "ID")
    )
    read = found.with_columns(owner, *(_said(pl.col(name)) for name in _FIELDS.values()))
    marked = [name for name in names if read[name].str.contains("&", literal=True).any()]
    read = read.with_columns(
        pl.col(name).str.replace_many(list(_ENTITIES), list(_ENTITIES.values())) for name in marked
    )
    latest = pl.col("latest_version").str.to_lowercase()
    is_size = pl.col("size").str.contains(r"^[0-9]{1,18}$")
    number = pl.int_range(1, pl.len() + 1).over("page", "tag")
    return read.select(
        kind=pl.col("tag").replace_strict(KINDS, default=None, return_dtype=pl.String),
        key="key",
        version="version",
        modified="modified",
        etag=pl.col("etag").str.strip_chars('"'),
        latest_version=pl.when(latest == "true").then(True).when(latest == "false").then(False),
        size=pl.when(is_size).then("size").cast(pl.Int64, strict=False),
        storage="storage",
        owner="owner",
        citation=pl.format("/{}/{}[{}]", pl.lit(ROOT), pl.col("tag").fill_null(""), number),
    ).select(list(VERSIONS))


def _said(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
