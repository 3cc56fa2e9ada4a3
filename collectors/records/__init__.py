"""Records: tables of statements that nobody foresaw, as CSV, JSON lines, Parquet or Excel.

A list that a reviewer made of statements in documents, an inventory of servers with their patches,
the export of a ticket system: one row a statement, and ``case.toml`` says which column holds what.
A real sample of the raw input (CSV; the third row spans two lines)::

    Server,Package,Version,SHA-256,Checked,According to
    acis-web-01,struts2-core,2.3.31,f5ab0c2b98c42e6a7dd8e4e7b7f4f9a3,2017-03-09,inventory
    acis-web-01,struts2-core,2.3.30,1d8c4a0be5a7c0e0e1b9b8c5b0b3d7aa,2017-03-15 21:04,scanner
    acis-web-02,struts2-core,2.3.31,"f5ab0c2b98c42e6a
    7dd8e4e7b7f4f9a3",2017-03-09,inventory

The item is the file as it was. A citation is ``line 12`` or ``lines 4-5`` in text (by line feeds,
as ``sed`` counts), ``row 5`` in Parquet (from 1), ``row 5 of sheet X`` in Excel (as it shows them).
Each row gives its own event (part 0) and a ``claim`` for each attribute that it holds (part 1 for
the columns ``attribute`` and ``value``, then those of ``attributes`` in the order of the mapping).

Nothing stamps such rows: they are asserted unless the case says otherwise, by no clock but the
table's own. The order of rows is the order of a table, not of acts, and makes no law.
No cell is evaluated: of a formula in Excel what the program that saved it had computed is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.records.options import RecordsOptions
from recon.collector import STATEMENTS, Collector

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source


def acquire(acquisition: Acquisition) -> None:
    """Copy each file in as one item; one that cannot be had is recorded, and the others go on."""
    from collectors.files import acquire_files

    options: RecordsOptions = acquisition.source.options
    acquire_files(
        acquisition, options.files(), f"records.{options.format}", zipped=options.format == "excel"
    )


def parse(source: Source, items: Items) -> Parsed:
    """Rows to events; see :mod:`collectors.records.events`."""
    from collectors.records.events import read

    return read(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """One row; see :mod:`collectors.records.quoting`."""
    from collectors.records.quoting import find

    return find(source, items, item, citation)


_EXAMPLE = """\
[[source]]
id = "inventory"
collector = "records"
domain = "platform"
path = "statements.csv"
format = "csv"                     # csv, jsonl, parquet or excel
zone = "America/New_York"          # of times that name none
only = { "According to" = "inventory" }   # the rows that are this source's
[source.columns]
time = "Checked"
subject = "server:{Server}/{Package}"
digest = "SHA-256"
attributes = { version = "Version", package = "SHA-256" }
"""

collector = Collector(
    "records",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=RecordsOptions,
    claim=None,
    example=_EXAMPLE,
    kinds=STATEMENTS,
)
