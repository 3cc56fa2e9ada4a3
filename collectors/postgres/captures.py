"""Files of a capture as events: rows, catalogue, statistics, control data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from collectors.postgres.claims import COLUMN
from collectors.postgres.lines import Capture, Header, Row, integer, is_rows, text_of, warn
from collectors.postgres.wal.layout import read_lsn
from collectors.postgres.wal.model import Relation
from recon.collector import Item, Warn
from recon.errors import BadInputError
from recon.instants import interval, read_iso

MAX_OID = 0xFFFFFFFF
# Bootstrap and frozen: transactions that never committed at a time of their own.
_FIRST_NORMAL_XID = 3


def rows_frame(capture: Capture, columns: list[str]) -> pl.DataFrame:
    """Rows of a file as :class:`collectors.postgres.claims.Rows` wants them."""
    header = capture.header
    rows = [line.get("row") for _, line in capture.lines]
    present = {name for row in rows if isinstance(row, dict) for name in row}
    xids = [integer(line.get("xmin")) for _, line in capture.lines]
    data: dict[str, Any] = {
        "citation": [f"line {number}" for number, _ in capture.lines],
        "text": capture.texts,
        "value": [text_of(line.get("ctid")) for _, line in capture.lines],
        "committed": [text_of(line.get("committed")) for _, line in capture.lines],
        "normal": [xid is not None and xid >= _FIRST_NORMAL_XID for xid in xids],
        "xid": [
            None if xid is None or header.system_id is None else f"xid:{header.system_id}/{xid}"
            for xid in xids
        ],
    }
    for name in columns:
        if name in present:
            data[COLUMN + name] = [
                text_of(row.get(name), header.types.get(name, ""))
                if isinstance(row, dict)
                else None
                for row in rows
            ]
    schema = dict.fromkeys(data, pl.String) | {"normal": pl.Boolean}
    # strict=False: a hostile file may hold an object where a text is expected.
    frame = pl.DataFrame(data, schema=schema, strict=False)
    # A commit timestamp is kept to the microsecond; trailing zeros are not printed.
    stamp = read_iso(pl.col("committed")).struct.field("earliest")
    return frame.with_columns(stamp=pl.when("normal").then(stamp)).drop("committed", "normal")


def catalogue_events(capture: Capture, item: Item, source: str) -> Iterator[Row | Warn]:
    """``table.catalogue`` for each table: its OID, its file, and who created what of it when."""
    header = capture.header
    attributes: dict[str, dict[str, str]] = {}
    for _, line in capture.lines:
        if line.get("what") == "attribute":
            of_table = attributes.setdefault(str(line.get("oid")), {})
            of_table[str(line.get("attnum"))] = str(line.get("xmin"))
    for number, line in capture.lines:
        if line.get("what") != "relation" or line.get("role") != "table":
            continue
        oid = str(line.get("oid"))
        of_table = attributes.get(oid, {})
        created = {xid for attnum, xid in of_table.items() if attnum.startswith("-")}
        every = sorted(set(of_table.values()), key=lambda xid: (len(xid), xid))
        table = table_subject(
            source, header.database, str(line.get("schema")), str(line.get("table"))
        )
        names = [table]
        # System columns are written once, by the transaction that created the table.
        if len(created) == 1 and header.system_id is not None:
            names.append(f"xid:{header.system_id}/{created.pop()}")
        yield {
            "kind": "table.catalogue",
            "subject": table,
            "value": f"oid={oid} file={relation_file(line.get('file')) or ''} "
            f"attribute_xmins={','.join(every)}",
            "names": names,
            "item": item.sha256,
            "citation": f"line {number}",
            "part": 0,
        }
        if line.get("relkind") not in {"r", "p", "m"}:
            kind = line.get("relkind")
            yield warn(item, f"line {number}", "a table", f"relkind {kind}", "it stores no rows")


def statistics_events(capture: Capture, item: Item, source: str) -> Iterator[Row]:
    """``table.statistics``: what the server counted since its statistics were last reset."""
    header = capture.header
    shown = ("n_tup_ins", "n_tup_upd", "n_tup_del", "n_live_tup", "n_dead_tup")
    for number, line in capture.lines:
        if line.get("what") == "table":
            table = table_subject(
                source, header.database, str(line.get("schema")), str(line.get("table"))
            )
            yield _seen(header, source) | {
                "kind": "table.statistics",
                "subject": table,
                "value": " ".join(f"{name}={line.get(name)}" for name in shown),
                "names": [table],
                "item": item.sha256,
                "citation": f"line {number}",
                "part": 0,
            }


def control_events(capture: Capture, item: Item, source: str) -> Iterator[Row | Warn]:
    """``control.checkpoint``: the last checkpoint that the server's control file knows."""
    header = capture.header
    for number, line in capture.lines:
        if line.get("what") != "control-checkpoint":
            continue
        place = read_lsn(str(line.get("checkpoint_lsn")))
        timeline = integer(line.get("timeline_id"))
        try:
            earliest, latest = interval(str(line.get("checkpoint_time")))
        except BadInputError as error:
            yield warn(item, f"line {number}", error.expected, error.found)
            continue
        row: Row = {
            "kind": "control.checkpoint",
            "subject": f"pg:{source}",
            "value": f"next_xid={line.get('next_xid')} next_oid={line.get('next_oid')} "
            f"timeline={timeline} redo={line.get('redo_lsn')} "
            f"oldest_running_xid={integer(line.get('oldest_active_xid')) or 0}",
            "clock": f"pg:{source}/server",
            "basis": "stamped",
            "earliest": earliest,
            "latest": latest,
            "item": item.sha256,
            "citation": f"line {number}",
            "part": 0,
        }
        if place is not None and timeline is not None and header.system_id is not None:
            row |= {"stream": f"pg:{header.system_id}/{timeline}", "position": place}
        yield row


def snapshot_event(capture: Capture, item: Item, source: str) -> Row:
    """``snapshot``: the state that the file shows, and the count of transactions in it."""
    header = capture.header
    table = f" of {header.schema}.{header.table}" if is_rows(header) else ""
    # The numbers come first: a table's name may hold anything.
    count = f" system={header.system_id}" if header.system_id is not None else ""
    count += f" snapshot={header.snapshot}" if header.snapshot else ""
    count += " in_recovery=true" if header.in_recovery else ""
    return _seen(header, source) | {
        "kind": "snapshot",
        "subject": f"pg:{source}/{header.database}",
        "value": f"{header.capture}{count}{table}",
        "names": [table_subject(source, header.database, header.schema, header.table)]
        if table
        else [],
        "item": item.sha256,
        "citation": "",
        "part": 0,
    }


def relation_file(path: object) -> str | None:
    """``1663/5/16390`` of ``base/5/16390``, as WAL names it; None where it is no such path."""
    parts = str(path).split("/")
    match parts:
        case ["base", database, file]:
            found = ["1663", database, file]  # pg_default (pg_tablespace.dat)
        case ["global", file]:
            found = ["1664", "0", file]  # pg_global
        case ["pg_tblspc", space, _version, database, file]:
            found = [space, database, file]
        case _:
            return None
    numbers = [integer(part) for part in found]
    right = all(number is not None and number <= MAX_OID for number in numbers)
    return "/".join(found) if right else None


def table_subject(source: str, database: str, schema: str, table: str) -> str:
    """``pg:lineage-db/mlops/ml.lineage``."""
    return f"pg:{source}/{database}/{schema}.{table}"


def _seen(header: Header, source: str) -> Row:
    return {
        "clock": f"pg:{source}/server",
        "basis": "stamped",
        "earliest": header.started,
        "latest": header.read,
    }


def relations(capture: Capture, source: str) -> Iterator[Relation]:
    """What the catalogue says of the claimed tables, their indexes and their TOAST tables."""
    for _, line in capture.lines:
        oid = integer(line.get("oid"))
        if line.get("what") != "relation" or oid is None or oid > MAX_OID:
            continue
        file = relation_file(line.get("file"))
        subject = table_subject(
            source, capture.header.database, str(line.get("own_schema")), str(line.get("name"))
        )
        database = int(file.split("/")[1]) if file else None
        kind = str(line.get("relkind"))[:1]
        yield Relation(oid, subject, file=file, kind=kind, database=database or None)
