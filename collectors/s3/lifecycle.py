"""Lifecycle rules, from S3's XML or the AWS CLI's JSON.

::

    <LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>models/</Prefix></Filter>
    <Status>Enabled</Status><Expiration><Days>365</Days></Expiration>
    <NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays>
    <NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>
    </Rule></LifecycleConfiguration>
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.s3 import clijson
from collectors.s3.xmlpage import local, root_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

_LAST_DAY = 1_000_000
"""2,700 years: S3 takes up to 2³¹ days, which come after every calendar's end: that is never."""
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that is enabled."""

    name: str
    citation: str
    prefix: str
    larger: int | None
    """Bytes: objects of more than that."""
    smaller: int | None
    tagged: bool
    """Whether it asks for tags, which no listing shows."""
    days: int | None
    """After which a current version expires."""
    date: str | None
    noncurrent_days: int | None
    """After which a noncurrent version expires, counted from its successor."""
    newer: int
    """How many noncurrent versions are kept whatever their age."""


def read(data: bytes) -> list[Rule]:
    """Enabled rules of a configuration; none where it is an error or has none.

    Raises:
        NotAListingError: it is neither XML nor JSON.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        listed = clijson.load(data).get("Rules")
        rules = listed if isinstance(listed, list) else []
        placed = [(f"/Rules/{number}", one) for number, one in enumerate(rules)]
    else:
        root = root_of(data)
        found = [child for child in root if local(child.tag) == "Rule"]
        name = local(root.tag)
        placed = [(f"/{name}/Rule[{n}]", _tree(one)) for n, one in enumerate(found, 1)]
    read_ = [
        _rule(place, one)
        for place, one in placed
        if isinstance(one, dict) and one.get("Status") == "Enabled"
    ]
    return [rule for rule in read_ if rule is not None]


def _tree(element: etree._Element) -> dict[str, Any]:
    """As the AWS CLI prints it, but for numbers, which stay text; of tags one is enough here."""
    return {
        local(child.tag): _tree(child) if len(child) else (child.text or "").strip()
        for child in element
    }


def _rule(citation: str, one: Mapping[str, Any]) -> Rule | None:
    """Null where it says of which objects it is, and nobody can read that: not of all of them."""
    said = _table(one.get("Filter"))
    both = _table(said.get("And"))
    where = {**said, **both}
    expiry = _table(one.get("Expiration"))
    old = _table(one.get("NoncurrentVersionExpiration"))
    prefix = clijson.text(where.get("Prefix") or one.get("Prefix") or "")
    sizes = [where.get(name) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")]
    larger, smaller = (_number(size, _LARGEST) for size in sizes)
    if prefix is None or sizes.count(None) != [larger, smaller].count(None):
        return None
    return Rule(
        name=clijson.text(one.get("ID")) or "",
        citation=citation,
        prefix=prefix,
        larger=larger,
        smaller=smaller,
        tagged=bool(where.keys() & {"Tag", "Tags"}),
        days=_number(expiry.get("Days"), _LAST_DAY),
        date=clijson.text(expiry.get("Date")) or None,
        noncurrent_days=_number(old.get("NoncurrentDays"), _LAST_DAY),
        newer=_number(old.get("NewerNoncurrentVersions"), _LAST_DAY) or 0,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object, most: int) -> int | None:
    text = str(value) if type(value) is int or isinstance(value, str) else ""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)):
        return None
    return int(text) if int(text) <= most else None
