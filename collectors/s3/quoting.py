"""From a citation back to the words of the source."""

from __future__ import annotations

import json
import re
import shlex

from collectors.s3 import clijson, packed, xmlpage
from collectors.s3.cut import cut
from collectors.s3.kinds import CLI_HEAD, CLI_VERSIONS, DIGEST, OBJECT, PAGE, TRAIL
from collectors.s3.listing import NotAListingError
from collectors.s3.trail.packed import unpacked
from recon.collector import Item, Items, Quote, Source
from recon.errors import BadInputError

_NO_KEY = "# It names no key: list-object-versions has the key of this VersionId."
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_STEP = re.compile(r"/([A-Za-z_][\w.-]*)(\[\d{1,9}\])?")


def quote(_source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The element at an XPath, the value at a JSON pointer, or the whole of a small item.

    Raises:
        BadInputError: nothing is there.
    """
    if item.kind in packed.ROWS:
        return packed.quote(items.path(item), item, citation)
    if item.kind == OBJECT and not citation:
        return Quote(f"{item.size} bytes with this SHA-256", "sha256sum ITEM", verbatim=False)
    data = items.read(item)
    if item.kind in {TRAIL, DIGEST}:
        return _unpacked(item, data, citation)
    if not citation:
        whole = _summary(item, data) if item.kind in {PAGE, CLI_VERSIONS} else None
        # The AWS CLI prints no key: only the listing ties the version to one.
        how = f"cat ITEM\n{_NO_KEY}" if item.kind == CLI_HEAD else "cat ITEM"
        return whole or Quote(_text(data), how)
    is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return (_xml if is_xml else _json)(item, data, citation)


def _unpacked(item: Item, data: bytes, citation: str) -> Quote:
    """A part of JSON that may be packed."""
    try:
        plain = unpacked(data)
    except NotAListingError as error:
        raise _nothing(item, citation, "JSON") from error
    said = _json(item, plain, citation) if citation else Quote(_text(plain), "cat ITEM")
    if plain is data:
        return said
    how = said.how.removesuffix(" ITEM")
    return Quote(said.text, "zcat ITEM" if how == "cat" else f"zcat ITEM | {how}")


def _xml(item: Item, data: bytes, citation: str) -> Quote:
    found = cut(data, citation)
    if found is None:
        raise _nothing(item, citation, "an element")
    path = _STEP.sub(r"/*[local-name()='\1']\2", citation)
    return Quote(found.decode("utf-8", "replace"), f'xmllint --xpath "{path}" ITEM')


def _json(item: Item, data: bytes, citation: str) -> Quote:
    """A part of a document, laid out anew."""
    try:
        value = clijson.pointer(clijson.load(data), citation)
    except (NotAListingError, KeyError) as error:
        raise _nothing(item, citation, "a JSON value") from error
    names = [step.replace("~1", "/").replace("~0", "~") for step in citation.split("/")[1:]]
    steps = "".join(
        f"[{name}]"
        if name.isdigit()
        else f".{name}"
        if _WORD.fullmatch(name)
        else f".[{json.dumps(name)}]"
        for name in names
    )
    laid_out = json.dumps(value, indent=4, ensure_ascii=False)
    return Quote(laid_out, f"jq --indent 4 {shlex.quote(steps)} ITEM")


def _text(data: bytes) -> str:
    """As it stands; UTF-16, as PowerShell writes it, where it is that."""
    return data.decode(json.detect_encoding(data), "replace")


def _summary(item: Item, data: bytes) -> Quote | None:
    """A page as a whole: what it says beside its versions, and how many these are."""
    try:
        page = (xmlpage.read if item.kind == PAGE else clijson.read)(data)
    except NotAListingError:
        return None
    said = {
        "Name": page.bucket,
        "Prefix": page.prefix,
        "KeyMarker": page.markers and page.markers[0],
        "VersionIdMarker": page.markers and page.markers[1],
        "NextKeyMarker": page.following and page.following[0],
        "NextVersionIdMarker": page.following and page.following[1],
        "IsTruncated": page.truncated,
        "versions and delete markers": page.versions.height,
    }
    date = item.meta.get("date")
    if isinstance(date, str):
        said["Date"] = date
    lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
    return Quote("\n".join(lines), "cat ITEM", verbatim=False)


def _nothing(item: Item, citation: str, expected: str) -> BadInputError:
    return BadInputError(expected, "nothing", f"{item.native}, {citation}", "cite another place")
