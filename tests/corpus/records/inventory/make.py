"""Make the tables of this case, and ``expected.json``: who says what of each server.

A firm learns on 7 March 2017 of a hole in a library and orders its servers to be patched. It is
asked afterwards which server was patched on which day, and who says so. It has four tables: an
inventory (Excel) and the scanner that fills it (CSV), both kept by operations; the log of the
patching tool (CSV), kept by the platform team; and the tickets of a service desk of another firm
(Excel). Servers and digests are made up.

- ``app-01`` was patched on 9 March, and everybody says so.
- ``app-02`` was patched on 9 March by inventory, scanner and ticket; by the log of the patching
  tool the run of that day failed, and left the old library where it was.
- ``app-03`` was patched on 9 March by the inventory and by its own scanner; no one else has a word
  of it.
- ``app-04`` was patched late, on 29 July, and everybody says so.

``expected.json`` is written from this story, not from what any reader gave.

    python make.py FOLDER
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import xlsxwriter

OLD, NEW = "2.3.31", "2.3.32"
JAR = {
    version: hashlib.sha256(f"struts2-core-{version}.jar".encode()).hexdigest()
    for version in (OLD, NEW)
}
MARCH, JULY = date(2017, 3, 9), date(2017, 7, 29)
PATCHED = {"app-01": MARCH, "app-02": MARCH, "app-03": MARCH, "app-04": JULY}
SCANS = [
    # when, host
    ("2017-03-10 01:00:05", "app-01"),
    ("2017-03-10 01:00:41", "app-02"),
    ("2017-03-10 01:01:12", "app-03"),
    ("2017-07-30 01:00:09", "app-04"),
]
RUNS = [
    # when, run, host, outcome, what is installed then
    ("2017-03-09T18:11:05Z", 811, "app-01", "patched", NEW),
    ("2017-03-09T18:14:40Z", 812, "app-02", "failed", OLD),
    ("2017-07-29T20:02:19Z", 1290, "app-04", "patched", NEW),
]
TICKETS = [
    # ticket, host, closed, patched on
    ("INC-4401", "app-01", datetime(2017, 3, 9, 18, 30, tzinfo=UTC), MARCH),
    ("INC-4402", "app-02", datetime(2017, 3, 9, 18, 31, tzinfo=UTC), MARCH),
    ("INC-5120", "app-04", datetime(2017, 7, 29, 21, 0, tzinfo=UTC), JULY),
]


def main(folder: Path) -> None:
    """Write the four tables and what is expected of them."""
    folder.mkdir(parents=True, exist_ok=True)
    _inventory(folder / "inventory.xlsx")
    _table(
        folder / "scanner.csv",
        ["Scanned", "Host", "Version", "SHA-256"],
        [[at, host, NEW, JAR[NEW]] for at, host in SCANS],
    )
    _table(
        folder / "patch-log.csv",
        ["Time", "Run", "Host", "Outcome", "Patched on", "Installed", "SHA-256"],
        [
            [at, run, host, outcome, at[:10] if outcome == "patched" else "", version, JAR[version]]
            for at, run, host, outcome, version in RUNS
        ],
    )
    _tickets(folder / "tickets.xlsx")
    march, july = "2017-03-09", "2017-07-29"
    expected = {
        # Day of patching by server and source.
        "patched": {
            "app-01": dict.fromkeys(("inventory", "patch-log", "tickets"), march),
            "app-02": {"inventory": march, "tickets": march},
            "app-03": {"inventory": march},
            "app-04": dict.fromkeys(("inventory", "patch-log", "tickets"), july),
        },
        # How far apart those are who speak of the library's file on it.
        "witness": {
            "app-01": "account",
            "app-02": "account",
            "app-03": "self",
            "app-04": "account",
        },
        "conflicts": ["server:app-02"],
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def _table(path: Path, head: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def _inventory(path: Path) -> None:
    book = xlsxwriter.Workbook(path)
    book.set_properties({"created": datetime(2017, 8, 1, tzinfo=UTC)})
    sheet = book.add_worksheet("Servers")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ["Server", "Library", "Version", "SHA-256", "Patched on", "Checked by"])
    for row, (host, patched) in enumerate(PATCHED.items(), 1):
        sheet.write_row(row, 0, [host, "struts2-core", NEW, JAR[NEW]])
        sheet.write_datetime(row, 4, patched, day)
        sheet.write(row, 5, "inventory scanner")
    book.close()


def _tickets(path: Path) -> None:
    book = xlsxwriter.Workbook(path)
    book.set_properties({"created": datetime(2017, 8, 1, tzinfo=UTC)})
    sheet = book.add_worksheet("Closed")
    sheet.write_row(0, 0, ["Ticket", "Server", "Closed", "Patched on"])
    for row, (ticket, host, closed, patched) in enumerate(TICKETS, 1):
        sheet.write_row(row, 0, [ticket, host, f"{closed:%Y-%m-%dT%H:%M:%SZ}", str(patched)])
    book.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
