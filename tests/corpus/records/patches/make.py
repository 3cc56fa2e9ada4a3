"""Make the tables of this case, and ``expected.json``: what each source says of each server.

A firm learns on 7 March 2017 of a hole in a library, and patches its servers. Weeks later it is
asked which server had which version on which day, and according to whom. It has four tables, kept
by four groups of people: an inventory (Excel), a scanner's report (CSV), the log of the patching
tool (JSON lines) and an export of the ticket system (Parquet). Servers and digests are made up.

- ``web-01`` is patched on 9 March, and everybody says so.
- ``web-02`` is patched by its ticket, by the log and by the inventory; the scanner still meets the
  old library on 15 March, and on every scan after.
- ``web-03`` is patched late, on 29 July; the inventory, the log and the scanner agree.
- ``web-04`` stands in the inventory alone.

``expected.json`` is written from this story, not from what any reader gave.

    python make.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import xlsxwriter

OLD, NEW = "2.3.31", "2.3.32"
DIGEST = {
    version: hashlib.sha256(f"struts2-core-{version}.jar".encode()).hexdigest()
    for version in (OLD, NEW)
}
INVENTORY = [
    # host, version, since
    ("web-01", OLD, date(2016, 11, 2)),
    ("web-02", OLD, date(2016, 11, 2)),
    ("web-03", OLD, date(2016, 11, 2)),
    ("web-04", OLD, date(2016, 11, 2)),
    ("web-01", NEW, date(2017, 3, 9)),
    ("web-02", NEW, date(2017, 3, 9)),
    ("web-03", NEW, date(2017, 7, 29)),
]
SCANS = [
    # day and hour in New York, host, version found
    ("03/08/2017 21:00", "web-01", OLD),
    ("03/08/2017 21:02", "web-02", OLD),
    ("03/08/2017 21:04", "web-03", OLD),
    ("03/15/2017 21:00", "web-01", NEW),
    ("03/15/2017 21:02", "web-02", OLD),
    ("03/15/2017 21:04", "web-03", OLD),
    ("07/30/2017 21:00", "web-01", NEW),
    ("07/30/2017 21:02", "web-02", OLD),
    ("07/30/2017 21:04", "web-03", NEW),
]
PATCHES = [
    ("2017-03-09T18:11:05Z", "web-01"),
    ("2017-03-09T18:14:40Z", "web-02"),
    ("2017-07-29T20:02:19Z", "web-03"),
]
TICKETS = [
    # ticket, host, closed, by
    ("INC-4401", "web-01", datetime(2017, 3, 9, 18, 30, tzinfo=UTC), "ada"),
    ("INC-4402", "web-02", datetime(2017, 3, 9, 18, 31, tzinfo=UTC), "ada"),
    ("INC-5120", "web-03", datetime(2017, 7, 29, 21, 0, tzinfo=UTC), "ben"),
]


def main(folder: Path) -> None:
    """Write the four tables and what is expected of them."""
    folder.mkdir(parents=True, exist_ok=True)
    _inventory(folder / "inventory.xlsx")
    _scanner(folder / "scanner.csv")
    lines = [
        {"at": at, "host": host, "event": "patched", "to": NEW, "sha256": DIGEST[NEW], "run": n}
        for n, (at, host) in enumerate(PATCHES, 1)
    ]
    (folder / "patch-log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    pl.DataFrame(
        {
            "ticket": [one[0] for one in TICKETS],
            "host": [one[1] for one in TICKETS],
            "closed": pl.Series([one[2] for one in TICKETS], dtype=pl.Datetime("ms", "UTC")),
            "resolution": [f"patched to {NEW}" for _ in TICKETS],
            "installed": [NEW for _ in TICKETS],
            "by": [one[3] for one in TICKETS],
        }
    ).write_parquet(folder / "tickets.parquet")
    said_then = {
        # at 16 March 2017, noon UTC
        "web-01": {"inventory": NEW, "scanner": NEW, "patch-log": NEW, "tickets": NEW},
        "web-02": {"inventory": NEW, "scanner": OLD, "patch-log": NEW, "tickets": NEW},
        "web-03": {"inventory": OLD, "scanner": OLD},
        "web-04": {"inventory": OLD},
    }
    expected = {"said_then": said_then, "conflicts": ["server:web-02/struts2-core"]}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def _inventory(path: Path) -> None:
    book = xlsxwriter.Workbook(path)
    book.set_properties({"created": datetime(2017, 8, 1, tzinfo=UTC)})
    sheet = book.add_worksheet("Servers")
    day = book.add_format({"num_format": "m/d/yyyy"})
    sheet.write_row(0, 0, ["Host", "Library", "Version", "SHA-256 of the jar", "Since"])
    for row, (host, version, since) in enumerate(INVENTORY, 1):
        sheet.write_row(row, 0, [host, "struts2-core", version, DIGEST[version]])
        sheet.write_datetime(row, 4, since, day)
    book.close()


def _scanner(path: Path) -> None:
    rows = ["Scanned;Host;Component;Found;SHA-256;Finding"]
    for at, host, version in SCANS:
        finding = '"CVE-2017-5638;\ncritical"' if version == OLD else ""
        rows.append(f"{at};{host};struts2-core;{version};{DIGEST[version].upper()};{finding}")
    path.write_bytes("\r\n".join(rows).encode() + b"\r\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
