"""How claimed tables are laid out, from captures of the catalogue and from dumps.

A capture of the catalogue has every column, dropped ones too, with length and alignment.
A dump has the text of CREATE TABLE: names and types in order, without columns that were dropped
before; so it counts only for tuples with as many columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from collectors.postgres.archive import Archive, Entry
from collectors.postgres.dumps import copy_columns
from collectors.postgres.heap.claimed import Claimed
from collectors.postgres.heap.columns import UNKNOWN, columns_of_catalogue
from collectors.postgres.heap.model import Column, Table, Type, number_of
from collectors.postgres.heap.types import by_name
from collectors.postgres.options import PostgresClaim
from collectors.postgres.wal.model import Relation
from collectors.postgres.wal.transactions import TABLES, database_of
from recon.errors import BadInputError

_COLUMN = re.compile(r'^    ("(?:[^"]|"")+"|[^\s"]+) (.+?),?$')
_MODIFIER = re.compile(r" (?:COLLATE|DEFAULT|NOT NULL|GENERATED|STORAGE|COMPRESSION)\b.*$")
_DOMAIN = re.compile(
    r"\ACREATE DOMAIN \S+ AS ([a-z][a-z0-9 (),\[\]]*?)(?:\n|;| COLLATE| DEFAULT| NOT)"
)
_ENUM = Type("an enum", length=4)


def from_catalogue(lines: Iterable[Mapping[str, Any]]) -> dict[int, Table]:
    """By OID: the tables whose attributes a capture of the catalogue lists."""
    rows: dict[int, list[Mapping[str, Any]]] = {}
    for line in lines:
        oid, number = number_of(line.get("oid")), number_of(line.get("attnum")) or 0
        if (
            line.get("what") == "attribute"
            and oid is not None
            and number is not None
            and number > 0
        ):
            rows.setdefault(oid, []).append(line)
    return {
        oid: Table(tuple(columns_of_catalogue(found)), "the catalogue in a capture")
        for oid, every in rows.items()
        if (found := _in_order(every)) is not None
    }


def _in_order(lines: list[Mapping[str, Any]]) -> list[Mapping[str, Any]] | None:
    """By number, from 1; None where one is missing, for no later one could be found then."""
    ordered = sorted(lines, key=lambda line: int(str(line["attnum"])))
    numbers = [int(str(line["attnum"])) for line in ordered]
    return ordered if numbers and numbers == list(range(1, len(numbers) + 1)) else None


def from_dump(archive: Archive, entry: Entry) -> Table | None:
    """A table by the text of its CREATE TABLE; None where that cannot be read for certain."""
    types = dict(_own_types(archive))
    columns, generated = [], set()
    for line in entry.definition.splitlines()[1:]:
        found = _COLUMN.match(line)
        if found is None or found[1] == "CONSTRAINT":
            continue
        name = found[1][1:-1].replace('""', '"') if found[1].startswith('"') else found[1]
        if " GENERATED ALWAYS AS (" in line:
            generated.add(name)
        kind = _MODIFIER.sub("", found[2])
        columns.append(Column(name, by_name(kind) or types.get(kind.strip()) or UNKNOWN))
    data = archive.find("TABLE DATA", entry.namespace, entry.tag)
    try:
        # The text is free: a default can hold a line that looks like a column.
        told = copy_columns(data.copy) if data else None
    except BadInputError:
        told = None
    if told is None or [one.name for one in columns if one.name not in generated] != told:
        return None
    return Table(tuple(columns), "CREATE TABLE in a dump", exact=False)


def _own_types(archive: Archive) -> Iterator[tuple[str, Type]]:
    """Types that the dump creates and whose layout its text tells."""
    for entry in archive.entries:
        name = f"{entry.namespace}.{entry.tag}"
        if entry.description == "DOMAIN" and (found := _DOMAIN.match(entry.definition)):
            base = by_name(found[1])
            if base is not None:
                yield name, base
        elif entry.description == "TYPE" and " AS ENUM (" in entry.definition.split("\n", 1)[0]:
            yield name, _ENUM


def claimed_tables(
    relations: Sequence[Relation],
    captured: Mapping[tuple[str, int], Table],
    dumped: Mapping[tuple[str, int], Table],
    claims: Mapping[str, Sequence[PostgresClaim]],
) -> list[Claimed]:
    """The claimed tables under every OID that something gives them.

    ``relations``: with their databases, where these are known. ``captured``, ``dumped``: by
    subject's database (``pg:SOURCE/DATABASE``) and OID.
    """
    found: dict[str, Claimed] = {}
    for one in relations:
        database, _, table = one.subject.rpartition("/")
        if table not in claims or one.kind not in TABLES:
            continue
        key = f"{database_of(one)}/{one.oid}"
        base = captured.get((database, one.oid)) or dumped.get((database, one.oid))
        if key not in found or found[key].base is None:
            found[key] = Claimed(one.subject, table, key, base, claims[table])
    return list(found.values())
