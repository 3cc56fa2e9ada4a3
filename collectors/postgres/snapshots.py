"""What captures and dumps show at their moment: rows of the claimed tables, snapshots, coverage."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from collectors.postgres import captures, dumps, readings
from collectors.postgres.claims import Rows, row_events
from collectors.postgres.found import Found, Row
from collectors.postgres.lines import Capture, is_rows
from recon.collector import Item

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump


def capture_events(found: Found, item: Item, capture: Capture) -> None:
    """All that one file of a capture shows, into ``found``."""
    header = capture.header
    found.events.append(captures.snapshot_event(capture, item, found.source))
    found.take(readings.reading_events(item, found.source))
    if is_rows(header):
        table = f"{header.schema}.{header.table}"
        claims = found.claims.get(table, [])
        subject = captures.table_subject(found.source, header.database, header.schema, header.table)
        columns = [column for claim in claims for column in claim.columns()]
        rows = captures.rows_frame(capture, list(dict.fromkeys(columns)))
        _rows(found, Rows(item.sha256, found.source, table, subject, "row.version", rows))
        if capture.complete and claims:
            because = f"the capture holds all {len(capture.lines)} rows, by its own count"
            seen = (header.started, header.read)
            _cover(found, subject, item, seen, because)
    elif header.capture == "catalogue":
        found.take(captures.catalogue_events(capture, item, found.source))
    elif header.capture == "statistics":
        found.take(captures.statistics_events(capture, item, found.source))
    elif header.capture == "control":
        found.take(captures.control_events(capture, item, found.source))


def dump_events(found: Found, dump: Dump) -> None:
    """The snapshot that a dump is, and the claimed tables in it, into ``found``."""
    archive, item = dump.archive, dump.item
    zone = found.options.dump_zone
    stamped: Row = {
        "clock": f"pg:{found.source}/dump",
        "basis": "stamped",
        "earliest": dump.earliest,
        "latest": dump.latest,
        "item": item.sha256,
        "part": 0,
    }
    found.events.append(
        stamped
        | {
            "kind": "snapshot",
            "subject": f"pg:{found.source}/{archive.database}",
            "value": f"dump by pg_dump {archive.tool} of server {archive.server}"
            + (f"; its local time is of {zone}, says the case" if zone else ""),
            "citation": "",
        }
    )
    for table, claims in found.claims.items():
        schema, _, name = table.partition(".")
        subject = captures.table_subject(found.source, archive.database, schema, name)
        entry = archive.find("TABLE", schema, name)
        if entry is not None:
            found.events.append(
                stamped
                | {
                    "kind": "dump.table",
                    "subject": subject,
                    "value": f"oid={entry.oid} owner={entry.owner}",
                    "names": [subject],
                    "citation": f"toc {entry.number}",
                }
            )
        columns = [column for claim in claims for column in claim.columns()]
        rows, warnings = dumps.table_rows(dump, schema, name, list(dict.fromkeys(columns)))
        found.warnings += warnings
        if rows is not None:
            _rows(found, Rows(item.sha256, found.source, table, subject, "row.dumped", rows))
            if not warnings:
                because = f"the dump holds all {rows.height} rows of the table at one moment"
                _cover(found, subject, item, (dump.earliest, dump.latest), because)


def _rows(found: Found, rows: Rows) -> None:
    events, warnings = row_events(rows, found.claims.get(rows.table, []))
    found.frames.append(events)
    found.warnings += warnings


def _cover(
    found: Found,
    subject: str,
    item: Item,
    seen: tuple[datetime | None, datetime | None],
    because: str,
) -> None:
    found.coverage.append(
        {
            "kind": "claim",
            "subject": subject,
            "earliest": seen[0],
            "latest": seen[1],
            "item": item.sha256,
            "because": because,
        }
    )
