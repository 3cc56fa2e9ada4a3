"""Columns from what describes them: rows of ``pg_attribute``, or the text of CREATE TABLE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.postgres.heap.model import Column, Gap, Type, Value, number_of
from collectors.postgres.heap.types import by_name, by_oid

UNKNOWN = Type("unknown", length=0)
"""Of a column whose layout is not known: what stands behind it cannot be found."""
_LENGTHS = range(-2, 8192)
NO_DEFAULT = Gap("not decoded: the column was added later, with a default that is not known")


def columns_of_catalogue(rows: Iterable[Mapping[str, Any]]) -> Iterator[Column]:
    """From lines of a capture's catalogue, sorted by ``attnum``.

    Each has ``name``, ``type`` (of ``format_type``), ``dropped``; and, in captures that have them,
    ``type_oid``, ``base_oid`` (of a domain), ``length``, ``align``, ``missing``, ``labels``.
    """
    for row in rows:
        yield Column(
            name=str(row.get("name")),
            type=_type(row),
            dropped=row.get("dropped") is True,
            missing=_missing(row.get("missing"), str(row.get("type"))),
        )


def _type(row: Mapping[str, Any]) -> Type:
    oid = number_of(row.get("base_oid")) or number_of(row.get("type_oid")) or 0
    found = by_oid().get(oid) or by_name(str(row.get("type")))
    length, align = number_of(row.get("length")), row.get("align")
    labels = row.get("labels")
    if isinstance(labels, Mapping):
        found = Type(
            str(row.get("type")),
            oid,
            *(4, "i"),
            labels={int(key): str(label) for key, label in labels.items() if str(key).isdigit()},
        )
    if length is None or length not in _LENGTHS or length == 0 or align not in {"c", "s", "i", "d"}:
        return found or UNKNOWN
    base = found or Type(str(row.get("type")), oid)
    return Type(base.name, base.oid, length, str(align), base.element, base.labels)


def _missing(value: object, kind: str) -> Value:
    """The one element of ``attmissingval``, an array in its text."""
    if value is None:
        return None
    text = str(value)
    if not (text.startswith("{") and text.endswith("}")):
        return NO_DEFAULT
    inner = text[1:-1]
    if inner.startswith('"') and inner.endswith('"') and len(inner) > 1:
        return _unescaped(inner[1:-1])
    # An array within it has brackets of its own.
    return NO_DEFAULT if kind.endswith("[]") and not inner.startswith("{") else inner


def _unescaped(text: str) -> str:
    out, escaped = [], False
    for letter in text:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        out.append(letter)
        escaped = False
    return "".join(out)
