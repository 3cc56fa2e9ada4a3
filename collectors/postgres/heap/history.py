"""What WAL shows of the catalogue: columns of tables, and since which record they were so.

Rows of ``pg_attribute`` (and of ``pg_type`` and ``pg_enum`` for what is no built-in type) are
decoded like any others, by their built-in layout. A change counts from its own record on: whoever
alters a table holds it alone until the commit.
Only first files of these tables are followed: after VACUUM FULL of the catalogue they have others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors.postgres.heap.catalogs import PG_ATTRIBUTE, PG_CLASS, PG_ENUM, PG_TYPE, catalog
from collectors.postgres.heap.columns import NO_DEFAULT
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.model import Column, Table, Type, Value, number_of
from collectors.postgres.heap.records import Change, Replay
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.heap.types import by_oid, elements, reader
from collectors.postgres.heap.varlena import Unreadable
from collectors.postgres.wal import records_of
from collectors.postgres.wal.heaprecords import Lost
from collectors.postgres.wal.model import Wal

_END = 2**64
Row = Mapping[str, Value]
_WANTED = {
    PG_ATTRIBUTE: (
        *("attrelid", "attname", "atttypid", "attlen", "attnum", "attalign", "atthasmissing"),
        *("attisdropped", "attmissingval"),
    ),
    PG_CLASS: ("oid", "reltoastrelid"),
    PG_TYPE: ("oid", "typname", "typtype", "typlen", "typalign", "typelem", "typbasetype"),
    PG_ENUM: ("oid", "enumtypid", "enumlabel"),
}


class _Changed(NamedTuple):
    """One change of one column of a table."""

    lsn: int
    number: int
    old: Column | None
    """None: there was none, or it is not known."""
    new: Column | None
    inserted: bool


@dataclass(slots=True)
class History:
    """The catalogue as the archive shows it. Relations are ``DB/OID``."""

    changes: dict[str, list[_Changed]] = field(default_factory=dict)
    toast: dict[str, str] = field(default_factory=dict)
    """Of a table, its TOAST table."""
    types: dict[tuple[str, int], Row] = field(default_factory=dict)
    labels: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)

    def columns(self, relation: str, lsn: int, base: Table | None) -> Table | None:
        """The table's columns at a record; None where they are not known.

        ``base``: how another source describes it: at its own LSN, or after all of the archive.
        """
        changes = self.changes.get(relation, [])
        found = dict(enumerate(base.columns, 1)) if base else {}
        basis = base.basis if base else "the catalogue's rows in WAL"
        point = _END if base else -1
        if base and base.at is not None:
            point = base.at
        elif base and _older(base, changes):
            point = -1
        for one in changes:
            if point < one.lsn <= lsn and one.new is not None:
                found[one.number] = one.new
                basis = f"{base.basis} and WAL" if base else basis
        for one in reversed(changes):
            if lsn < one.lsn <= point:
                if one.inserted:
                    found.pop(one.number, None)
                elif one.old is not None:
                    found[one.number] = one.old
        if not found or sorted(found) != list(range(1, len(found) + 1)):
            return None
        columns = tuple(found[number] for number in sorted(found))
        return Table(columns, basis, exact=base.exact if base else True)

    def steps(self, relation: str) -> list[int]:
        """LSNs from which on the table has other columns."""
        return [one.lsn for one in self.changes.get(relation, [])]


def _older(base: Table, changes: list[_Changed]) -> bool:
    """Whether a dump was made before columns were added that the archive shows."""
    added = [one for one in changes if one.inserted and one.new]
    return not base.exact and any(one.number > len(base.columns) for one in added)


def history(
    wal: Wal, commits: Commits, databases: Collection[str], tables: Collection[str]
) -> History:
    """Read the catalogue's rows of the archive.

    ``databases``: OIDs, or ``*``. ``tables``: the relations that matter, ``DB/OID``.
    """
    found = History()
    files = {f"*/{database}/{oid}" for database in databases for oid in _WANTED}
    wanted = set(tables)
    for lsn, one, major in committed(wal, commits, files):
        oid = one.file[2]
        decoder = Decoder(catalog(oid, major), _WANTED[oid])
        old = decoder.row(one.old) if one.old and not one.key_only else None
        new = decoder.row(one.new) if one.new else None
        if oid == PG_ATTRIBUTE:
            _learn_column(found, wanted, _Step(lsn, one, old, new))
        elif new:
            _learn(found, str(one.file[1]), oid, new)
    for changes in found.changes.values():
        changes.sort(key=lambda one: one.lsn)
    return found


def committed(
    wal: Wal, commits: Commits, files: Collection[str]
) -> Iterator[tuple[int, Change, int]]:
    """LSN, change and major version of what committed transactions did in the catalogue."""
    numbers = {int(file.rsplit("/", 1)[1]) for file in files}
    replay = Replay(numbers, lambda _: True)
    try:
        for stretch in wal.stretches:
            replay.forget()
            for chunk in records_of(stretch, files):
                if isinstance(chunk, Lost):
                    replay.forget()
                    continue
                for changes in replay.take(chunk):
                    for at, one in changes.each():
                        lsn = int(chunk.lsn[at])
                        if commits.of(int(chunk.timeline[at]), one.xid, lsn):
                            yield lsn, one, chunk.major
    finally:
        replay.close()


class _Step(NamedTuple):
    """A change of a row of the catalogue, decoded."""

    lsn: int
    change: Change
    old: Row | None
    new: Row | None


def _learn_column(found: History, tables: set[str], step: _Step) -> None:
    database = str(step.change.file[1])
    row = step.new or step.old or {}
    relation = f"{database}/{row.get('attrelid')}"
    number = number_of(row.get("attnum"))
    if relation in tables and number is not None and number > 0:
        old, new = (column(found, database, one) if one else None for one in (step.old, step.new))
        changed = _Changed(step.lsn, number, old, new, step.change.op == "insert")
        found.changes.setdefault(relation, []).append(changed)


def _learn(found: History, database: str, catalogue: int, new: Row) -> None:
    oid = number_of(new.get("oid")) or 0
    if catalogue == PG_CLASS and (toast := number_of(new.get("reltoastrelid"))):
        found.toast[f"{database}/{oid}"] = f"{database}/{toast}"
    elif catalogue == PG_TYPE:
        found.types[database, oid] = new
    elif catalogue == PG_ENUM and isinstance(label := new.get("enumlabel"), str):
        kind = database, number_of(new.get("enumtypid")) or 0
        found.labels.setdefault(kind, {})[oid] = label


def column(found: History, database: str, row: Row) -> Column:
    """A column from its row of ``pg_attribute``."""
    kind = type_of(found, database, number_of(row.get("atttypid")) or 0)
    length, align = number_of(row.get("attlen")), str(row.get("attalign"))
    laid = Type(kind.name, kind.oid, length or 0, align, kind.element, kind.labels)
    return Column(
        str(row.get("attname")),
        laid,
        dropped=row.get("attisdropped") == "t",
        missing=_missing(laid, row) if row.get("atthasmissing") == "t" else None,
    )


def type_of(found: History, database: str, oid: int, depth: int = 0) -> Type:
    """A type, of a domain the one that it is of."""
    if oid in by_oid():
        return by_oid()[oid]
    row = found.types.get((database, oid))
    if row is None or depth > 8:  # noqa: PLR2004  (domains of domains)
        return Type(f"with OID {oid}", oid)
    name = str(row.get("typname"))
    match row.get("typtype"):
        case "d":
            return type_of(found, database, number_of(row.get("typbasetype")) or 0, depth + 1)
        case "e":
            labels = found.labels.get((database, oid), {})
            return Type(name, oid, 4, "i", labels=labels)
        case "b" if number_of(row.get("typelem")) and name.startswith("_"):
            inner = type_of(found, database, number_of(row.get("typelem")) or 0, depth + 1)
            return Type(name, oid, element=inner)
    return Type(name, oid)


def _missing(kind: Type, row: Row) -> Value:
    text, read = row.get("attmissingval"), reader(kind)
    if not isinstance(text, str) or read is None:
        return NO_DEFAULT
    try:
        _, _, cells = elements(kind, bytes.fromhex(text[2:]))
        return read(cells[0]) if cells and cells[0] is not None else NO_DEFAULT
    except (Unreadable, ValueError, IndexError):
        return NO_DEFAULT
