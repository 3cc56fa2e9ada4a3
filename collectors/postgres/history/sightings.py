"""What captures and dumps show of tables at one moment: OID, file, and the marks of the rows.

A *view* is one look at a database: all files of one capture, which show one state, or one dump.
A *sighting* is what a view shows of one table.

From the catalogue file of a capture (one line; wrapped here)::

    {"what":"relation","schema":"ml","table":"lineage","role":"table","oid":16391,
     "own_schema":"ml","name":"lineage","relkind":"r","relfilenode":16391,
     "file":"base/16384/16391","xmin":741,"owner":"postgres","database_oid":16384}

and from the contents of a dump, ``pg_restore -l``: ``214; 1259 16391 TABLE ml lineage postgres``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collectors.postgres.captures import relation_file
from collectors.postgres.lines import Capture, integer, is_rows
from recon.errors import BadInputError
from recon.instants import interval

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump
    from recon.collector import Item, Sha256

Table = tuple[str, str]
"""Schema and name."""
_TABLES = frozenset({"TABLE", "MATERIALIZED VIEW"})
_PG_CLASS, _PG_CONSTRAINT, _PG_DATABASE = "1259", "2606", "1262"
FIRST_OID = 16384
"""OIDs below it are the same in every cluster (``access/transam.h``, FirstNormalObjectId)."""
FIRST_XID = 3
"""Lower ones stand for rows that no transaction of their own wrote (FirstNormalTransactionId)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A row of ``pg_attribute``."""

    name: str
    xmin: int
    """The transaction that wrote this row: that created the column, or altered it last."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The server's own counters of a table, since they were last reset."""

    inserted: int
    updated: int
    deleted: int
    since: tuple[str, str]
    """Start of the server and last reset of the database's counters, as printed.

    While both stay the same no counter went back: a crash or a restore resets them.
    """


@dataclass(slots=True)
class Sighting:
    """One table in one view."""

    oid: int
    item: Sha256
    citation: str
    file: str | None = None
    """``TABLESPACE/DATABASE/RELFILENODE``; None: not told."""
    columns: dict[int, Column] = field(default_factory=dict)
    """By attnum; system columns have negative ones."""
    born: datetime | None = None
    """Commit time of the transaction that created the table, where the server kept it."""
    constraints: dict[str, int] = field(default_factory=dict)
    """Name to OID."""
    writers: Counter[int] | None = None
    """Number of rows by xmin; None: the rows were not captured whole."""
    counted: Counted | None = None
    subscriptions: dict[str, str] = field(default_factory=dict)
    """Name of each subscription that fills the table to the citation of its line."""

    @property
    def creator(self) -> int | None:
        """The transaction that created it: system columns are written once."""
        found = {column.xmin for number, column in self.columns.items() if number < 0}
        return found.pop() if len(found) == 1 else None


@dataclass(slots=True)
class View:
    """One look at a database."""

    medium: str
    """``capture`` or ``dump``."""
    clock: str
    earliest: datetime
    latest: datetime
    database: str
    item: Sha256
    """One item that dates it."""
    system_id: int | None = None
    database_oid: int | None = None
    tables: dict[Table, Sighting] = field(default_factory=dict)
    objects: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(OID of catalogue, schema, name) to OID, of all that it shows."""
    asked: dict[Table, str] = field(default_factory=dict)
    """Tables that the capture asked for, with the citation of the line that says so."""
    catalogue: Sha256 | None = None
    """The item of its catalogue file, if that is whole."""


def views(
    captures: Sequence[tuple[Item, Capture]], dumps: Sequence[Dump], source: str
) -> list[View]:
    """All dated views, in order of time."""
    together: dict[tuple[Any, ...], list[tuple[Item, Capture]]] = {}
    for item, capture in captures:
        header = capture.header
        if header.started is not None and header.read is not None:
            # All files of a capture are of one transaction, and so of one begin.
            key = header.system_id, header.database, header.started
            together.setdefault(key, []).append((item, capture))
    found = [_capture(files, source) for files in together.values()]
    found += [_dump(dump, source) for dump in dumps]
    return sorted(found, key=lambda view: (view.earliest, view.latest, view.item))


def _capture(files: Sequence[tuple[Item, Capture]], source: str) -> View:
    header = files[0][1].header
    read = [capture.header.read for _, capture in files if capture.header.read is not None]
    started = header.started
    if started is None:
        raise ValueError("a capture without a time is no view")
    view = View(
        *("capture", f"pg:{source}/server", started, max(read), header.database),
        item=min(item.sha256 for item, _ in files),
        system_id=header.system_id,
    )
    for item, capture in files:
        if capture.header.capture == "catalogue":
            _catalogue(view, item, capture)
    server = _since_start(files)
    for _, capture in files:
        table = capture.header.schema, capture.header.table
        if is_rows(capture.header) and capture.complete and table in view.tables:
            xids = (integer(line.get("xmin")) for _, line in capture.lines)
            view.tables[table].writers = Counter(xid for xid in xids if xid is not None)
        elif capture.header.capture == "statistics":
            _statistics(view, capture, server)
    return view


def _catalogue(view: View, item: Item, capture: Capture) -> None:
    view.item = item.sha256
    view.catalogue = item.sha256 if capture.complete else None
    for number, line in capture.lines:
        oid = integer(line.get("oid"))
        name = str(line.get("schema")), str(line.get("table"))
        citation = f"line {number}"
        match line.get("what"):
            case "asked":
                view.asked[name] = citation
            case "relation" if oid is not None:
                own = str(line.get("own_schema")), str(line.get("name"))
                view.objects[(_PG_CLASS, *own)] = oid
                database = integer(line.get("database_oid"))
                file = relation_file(line.get("file"))
                if database is None and file is not None:
                    database = integer(file.split("/")[1])
                view.database_oid = view.database_oid or database
                if line.get("role") == "table":
                    view.tables[name] = Sighting(oid, item.sha256, citation, file)
            case "relation":
                # A table whose line cannot be read was there all the same.
                view.asked.pop(name, None)
            case "attribute" if name in view.tables:
                _attribute(view.tables[name], line)
            case "constraint" if oid is not None and name in view.tables:
                constraint = str(line.get("name"))
                view.tables[name].constraints[constraint] = oid
                view.objects[_PG_CONSTRAINT, name[0], f"{name[1]} {constraint}"] = oid
            case "subscription" if name in view.tables:
                view.tables[name].subscriptions[str(line.get("name"))] = citation


def _attribute(table: Sighting, line: Mapping[str, Any]) -> None:
    text, xmin = str(line.get("attnum")), integer(line.get("xmin"))
    number = integer(text.removeprefix("-"))
    if number is None or xmin is None:
        return
    table.columns[-number if text.startswith("-") else number] = Column(str(line.get("name")), xmin)
    if text.startswith("-") and line.get("committed") is not None:
        try:
            table.born = interval(str(line["committed"]))[0]
        except BadInputError:
            table.born = None


def _since_start(files: Sequence[tuple[Item, Capture]]) -> str:
    for _, capture in files:
        if capture.header.capture != "control":
            continue
        for _, line in capture.lines:
            if line.get("what") == "server":
                return str(line.get("started"))
    return ""


def _statistics(view: View, capture: Capture, server: str) -> None:
    reset = next(
        (
            str(line.get("stats_reset"))
            for _, line in capture.lines
            if line.get("what") == "database"
        ),
        "",
    )
    for _, line in capture.lines:
        table = view.tables.get((str(line.get("schema")), str(line.get("table"))))
        numbers = [integer(line.get(f"n_tup_{what}")) for what in ("ins", "upd", "del")]
        if line.get("what") == "table" and table is not None and None not in numbers:
            inserted, updated, deleted = (number or 0 for number in numbers)
            table.counted = Counted(inserted, updated, deleted, (server, reset))


def _dump(dump: Dump, source: str) -> View:
    archive = dump.archive
    view = View(
        *("dump", f"pg:{source}/dump", dump.earliest, dump.latest, archive.database),
        item=dump.item.sha256,
    )
    for entry in archive.entries:
        oid = integer(entry.oid)
        if oid is None or oid < 1:
            continue
        if entry.table_oid == _PG_DATABASE:
            view.database_oid = oid
        elif oid >= FIRST_OID and entry.table_oid != "0":
            view.objects[entry.table_oid, entry.namespace, entry.tag] = oid
        if entry.table_oid == _PG_CLASS and entry.description in _TABLES:
            table = entry.namespace, entry.tag
            view.tables[table] = Sighting(oid, dump.item.sha256, f"toc {entry.number}")
    return view
