"""Claims of the case: which named thing is which subject, and by which words it speaks of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from collectors.lineage.record import Record, filled
from recon import subjects

if TYPE_CHECKING:
    from collectors.lineage.options import LineageClaim

Stated = tuple[str, str, str | None]
"""Attribute, value, digest."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record as the case wants it."""

    record: Record
    subject: str
    attributes: Sequence[Stated]
    time: str | None
    """A time that a claim finds among the attributes."""


def mapped(records: Sequence[Record], claims: Sequence[LineageClaim]) -> Iterator[Mapped]:
    """Records with the subject of the first claim that fits; those of none keep their own."""
    names = pl.Series("name", [record.name for record in records], dtype=pl.String)
    # polars' expressions take time in proportion to the name, whatever the pattern.
    fits = [_fields(names, claim) for claim in claims]
    for number, record in enumerate(records):
        for claim, fields in zip(claims, fits, strict=True):
            found = fields[number]
            if found is not None and (one := _as(record, claim, found)) is not None:
                yield one
                break
        else:
            yield Mapped(record, record.subject, record.attributes, None)


def _fields(names: pl.Series, claim: LineageClaim) -> list[dict[str, str | None] | None]:
    """The fields of each name, or null where it does not fit."""
    if claim.name is None:
        return [{}] * len(names)
    pattern = subjects.pattern(claim.name)
    hits = names.str.contains(pattern).to_list()
    if not subjects.fields(claim.name):
        return [{} if hit else None for hit in hits]
    groups = names.str.extract_groups(pattern).to_list()
    return [group if hit else None for hit, group in zip(hits, groups, strict=True)]


def _as(record: Record, claim: LineageClaim, fields: dict[str, str | None]) -> Mapped | None:
    if record.problem is not None:
        return None
    known: dict[str, str | None] = {"name": record.name}
    for attribute, value, _ in record.attributes:
        # A word that is said twice is no name.
        known[attribute] = None if attribute in known and attribute != "name" else value
    subject = filled(claim.subject, {**known, **fields})
    if subject is None:
        return None
    words = {own: attribute for attribute, own in claim.attributes.items()}
    stated = [(words.get(name, name), value, digest) for name, value, digest in record.attributes]
    return Mapped(record, subject, stated, known.get(claim.time) if claim.time else None)
