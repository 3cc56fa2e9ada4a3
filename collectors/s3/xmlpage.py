"""Raw XML of S3: version listings, and any element of it as its bytes stand.

S3 gives an element a version, newest first within a key, delete markers between them. This order
is what boto3 loses, and the only one that no clock made::

    <ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>acme-models</Name>
    <Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>
    <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>
    <DeleteMarker><Key>m/2/model.bin</Key><VersionId>3HL4kqtJ</VersionId><IsLatest>true</IsLatest>
    <LastModified>2026-03-08T20:05:00.000Z</LastModified></DeleteMarker>
    <Version><Key>m/2/model.bin</Key><VersionId>QUpfdndh</VersionId><IsLatest>false</IsLatest>
    <LastModified>2026-02-14T10:05:00.000Z</LastModified><ETag>&quot;c81e…862c&quot;</ETag>
    <Size>1</Size><StorageClass>STANDARD</StorageClass></Version></ListVersionsResult>

Source: Amazon S3 API Reference, ListObjectVersions, response syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import polars as pl

from collectors.s3 import flat
from collectors.s3.flat import KINDS, ROOT
from collectors.s3.listing import MAX_BYTES, VERSIONS, NotAListingError, Note, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lxml import etree

_PAGES = 32
_BYTES = 16 << 20
"""Of pages that are read at a time."""
_ENCODINGS = {"UTF-8", "US-ASCII", "ASCII"}
"""Others are read by lxml and not by expat, which tells where an element stands in the bytes."""
_BOOLEANS = {"true": True, "false": False}
_DIGITS = 18
"""Of a size at most; an object of S3 has 14."""
_COLUMNS = {
    "Key": "key",
    "VersionId": "version",
    "LastModified": "modified",
    "ETag": "etag",
    "IsLatest": "latest_version",
    "Size": "size",
    "StorageClass": "storage",
}
_ASCII = {form % byte: chr(byte) for byte in range(0x80) for form in ("%%%02X", "%%%02x")}
_ASCII |= {"+": " "}
"""What stands in URL encoding for one character; a text is gone through once, so ``%2541`` is
``%41``."""
_OF_SEVERAL_BYTES = "%[89A-Fa-f]"
"""Part of a character, or of none."""
_ONCE = ("Key", "VersionId", "LastModified", "ETag", "Owner")


def root_of(data: bytes) -> etree._Element:
    """The root of an XML document that defines no entities.

    Raises:
        NotAListingError: it is no XML, is too large, or has a document type, which S3 never sends.
    """
    from lxml import etree

    if len(data) > MAX_BYTES:
        raise NotAListingError(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotAListingError(f"expected XML, found {data[:40]!r} ({error})") from error
    encoding = root.getroottree().docinfo.encoding or "UTF-8"
    if encoding.upper() not in _ENCODINGS:
        raise NotAListingError(f"expected XML in UTF-8, as S3 sends it, found {encoding!r}")
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotAListingError("expected XML without a document type, found one")
    return root


def local(tag: object) -> str:
    """An element's name without its namespace, which not every server gives."""
    return str(tag).rpartition("}")[2]


def read(data: bytes, *, rows_wanted: bool = True) -> Page:
    """A page of a version listing; of its versions the last alone where they are not wanted.

    Raises:
        NotAListingError: the bytes are something else.
    """
    if not rows_wanted:
        return _slow(data, rows_wanted=False)
    (page,) = pages([data])
    if isinstance(page, NotAListingError):
        raise page
    return page


def pages(bodies: Iterable[bytes]) -> Iterator[Page | NotAListingError]:
    """Each as :func:`read` gives it, or its error; many small pages are read at a time."""
    batch: list[bytes] = []
    size = 0
    for body in bodies:
        batch.append(body)
        size += len(body)
        if len(batch) >= _PAGES or size >= _BYTES:
            yield from _batch(batch)
            batch, size = [], 0
    yield from _batch(batch)


def _batch(bodies: Sequence[bytes]) -> Iterator[Page | NotAListingError]:
    cuts = [flat.cut(body) if len(body) <= MAX_BYTES else None for body in bodies]
    regular = iter(flat.columns([one for one in cuts if one is not None]) if any(cuts) else ())
    for body, cut in zip(bodies, cuts, strict=True):
        versions = next(regular) if cut is not None else None
        try:
            if cut is None or versions is None:
                yield _slow(body, rows_wanted=True)
                continue
            head, below = _beside(cut.beside, f"{{{flat.S3}}}")
            yield _page(head, versions, [], below)
        except NotAListingError as error:
            yield error


def _slow(data: bytes, *, rows_wanted: bool) -> Page:
    """By its elements."""
    root = root_of(data)
    if local(root.tag) != ROOT:
        raise NotAListingError(f"expected the root {ROOT}, found {local(root.tag)[:80]!r}")
    notes: list[Note] = []
    text, head, below = _by_element(root, notes, rows_wanted=rows_wanted)
    columns = {
        **text,
        "etag": [one and one.strip('"') for one in text["etag"]],
        "size": [_number(one) for one in text["size"]],
        "latest_version": [one and _BOOLEANS.get(one.lower()) for one in text["latest_version"]],
    }
    return _page(head, pl.DataFrame(columns, schema=VERSIONS), notes, below)


def _decoded_keys(versions: pl.DataFrame, notes: list[Note]) -> pl.DataFrame:
    if not versions["key"].str.contains("[%+]").any():
        return versions
    if not versions["key"].str.contains(_OF_SEVERAL_BYTES).any():
        plain = pl.col("key").str.replace_many(list(_ASCII), list(_ASCII.values()))
        return versions.with_columns(plain)
    keys, broken = decoded(versions["key"].to_list(), is_encoded=True)
    said = "expected a key in URL encoding of UTF-8, found other; kept as it stands"
    notes += [Note(versions["citation"][i], said) for i in broken]
    return versions.with_columns(pl.Series("key", keys, pl.String()))


def _number(text: str | None) -> int | None:
    """Bytes of an object; null for what is no number of them."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if text is not None and is_number else None


def _beside(elements: Iterable[etree._Element], space: str) -> tuple[dict[str, str], list[str]]:
    """What a page says of itself, and the prefixes that it names."""
    head: dict[str, str] = {}
    below: list[str] = []
    for element in elements:
        name = local(element.tag)
        if name == "CommonPrefixes":
            below.append(element.findtext(space + "Prefix") or "")
        else:
            head.setdefault(name, element.text or "")
    return head, below


def _by_element(
    root: etree._Element, notes: list[Note], *, rows_wanted: bool
) -> tuple[dict[str, Sequence[str | None]], dict[str, str], list[str]]:
    """Columns of text, one version after another: what no style sheet foresees is seen here."""
    space = str(root.tag)[: -len(ROOT)]
    beside: list[etree._Element] = []
    rows: list[tuple[str, str, dict[Any, str | None], str | None]] = []
    counts = dict.fromkeys(KINDS, 0)
    elements = {space + name: name for name in KINDS}
    owner = space + "Owner"
    last = next((e for e in reversed(root) if str(e.tag) in elements), None)
    for element in root:
        name = elements.get(str(element.tag))
        if name is None:
            other = local(element.tag)
            if other in counts:
                counts[other] += 1
                place = f"/{ROOT}/{other}[{counts[other]}]"
                notes.append(Note(place, "expected the namespace of the root; left out", "error"))
            beside.append(element)
            continue
        counts[name] += 1
        if not rows_wanted and element is not last:
            continue
        citation = f"/{ROOT}/{name}[{counts[name]}]"
        # Not str(tag), which is one already: with comments and instructions dropped, all are.
        fields: dict[Any, str | None] = {child.tag: child.text for child in element}
        if len(fields) != len(element) and (note := _repeated(element, citation)):
            notes.append(note)
            continue
        who = _owner(element, space) if owner in fields else None
        rows.append((name, citation, fields, who))
    columns = {
        column: [row[2].get(space + name) for row in rows] for name, column in _COLUMNS.items()
    }
    text: dict[str, Sequence[str | None]] = {
        "kind": [KINDS[row[0]] for row in rows],
        **columns,
        "owner": [row[3] for row in rows],
        "citation": [row[1] for row in rows],
    }
    return text, *_beside(beside, space)


def _page(
    head: dict[str, str], versions: pl.DataFrame, notes: list[Note], below: list[str]
) -> Page:
    is_encoded = head.get("EncodingType", "").lower() == "url"
    if is_encoded:
        versions = _decoded_keys(versions, notes)
    named, _ = decoded(
        [head.get(name) for name in ("Prefix", "KeyMarker", "NextKeyMarker")], is_encoded=is_encoded
    )
    prefix, marker, following = named
    prefixes, _ = decoded(below, is_encoded=is_encoded)
    return Page(
        versions=versions,
        ordered=True,
        bucket=head.get("Name"),
        prefix=prefix,
        markers=None if marker is None else (marker, head.get("VersionIdMarker", "")),
        following=None if not following else (following, head.get("NextVersionIdMarker", "")),
        truncated=_BOOLEANS.get(head.get("IsTruncated", "").lower()),
        prefixes=tuple(dict.fromkeys(one for one in prefixes if one)),
        notes=notes,
    )


def _owner(element: etree._Element, space: str) -> str | None:
    """The owner's name, else its id. By hand: paths cost as much as the rest of a version."""
    for child in element.iterchildren(f"{space}Owner"):
        said = {one.tag: one.text for one in child}
        return said.get(f"{space}DisplayName") or said.get(f"{space}ID")
    return None


def _repeated(element: etree._Element, citation: str) -> Note | None:
    """A version with two keys, ids or times names no version; checksum algorithms may repeat."""
    names = [local(child.tag) for child in element]
    twice = [name for name in _ONCE if names.count(name) > 1]
    if not twice:
        return None
    return Note(citation, f"expected {', '.join(twice)} once, found more; left out", "error")


def decoded(
    values: Sequence[str | None], *, is_encoded: bool
) -> tuple[list[str | None], list[int]]:
    """Values decoded exactly once where the page says that it encoded them; places of broken ones.

    S3 encodes as HTML forms do: a space is ``+``. Each distinct value is decoded once.
    """
    if not is_encoded:
        return list(values), []
    known: dict[str, str] = {}
    wrong: set[str] = set()
    for value in {v for v in values if v and ("%" in v or "+" in v)}:
        try:
            known[value] = unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            wrong.add(value)
    broken = [i for i, v in enumerate(values) if v in wrong] if wrong else []
    return [v if v is None else known.get(v, v) for v in values], broken
