"""Tables of real servers, as this package reads them and as the server says them."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import numpy as np

from collectors.postgres.heap.columns import columns_of_catalogue
from collectors.postgres.heap.model import Gap, Stored, Table, Tuple, Value
from collectors.postgres.heap.page import SIZE, tuples
from collectors.postgres.heap.said import Said
from collectors.postgres.heap.slots import HEAD
from collectors.postgres.heap.tuples import Decoder
from tests.servers import Postgres

_ATTRIBUTES = """
select json_agg(row_to_json(x)) from (
select a.attnum, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attisdropped as dropped, a.atttypid::bigint as type_oid, a.attlen as length,
       a.attalign::text as align, a.attmissingval::text as missing,
       (select json_object_agg(e.oid, e.enumlabel) from pg_enum e where e.enumtypid = a.atttypid)
       as labels
from pg_attribute a where attrelid = '{table}'::regclass and attnum > 0 order by attnum) x
"""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def table_of(server: Postgres, table: str) -> Table:
    """As the server's catalogue describes it."""
    rows = json.loads(server.psql(_ATTRIBUTES.format(table=table)))
    return Table(tuple(columns_of_catalogue(rows)), "the catalogue of a test's server")


def stored(server: Postgres, table: str) -> list[Stored]:
    """Every tuple in its file, after a checkpoint."""
    path = server.psql(f"checkpoint; select pg_relation_filepath('{table}')").strip()
    data = (Path(server.data) / path).read_bytes()
    return [
        one
        for block in range(len(data) // SIZE)
        for one in tuples(data[block * SIZE : (block + 1) * SIZE], block)
    ]


def copied(server: Postgres, query: str) -> list[list[str | None]]:
    """What COPY gives, unescaped."""
    text = server.psql(f"copy ({query}) to stdout")
    return [
        [None if cell == "\\N" else _ESCAPE.sub(_letter, cell) for cell in line.split("\t")]
        for line in text.split("\n")[:-1]
    ]


def _letter(found: re.Match[str]) -> str:
    return _LETTERS.get(found[1], found[1])


def in_columns(decoder: Decoder, rows: list[Tuple]) -> list[list[Value]]:
    """The values of tuples as all of them are decoded together."""
    heads = [(one.xmin, one.natts, one.infomask, one.hoff, len(one.body)) for one in rows]
    packed = [struct.pack("<IHHBxxxI", *head) for head in heads]
    places = np.cumsum([0, *(HEAD + len(one.body) for one in rows)])[:-1]
    text = b"".join(head + one.body for head, one in zip(packed, rows, strict=True))
    said = Said.of(decoder, np.frombuffer(text, np.uint8).copy(), places, lambda _: None)
    every = np.arange(len(rows))
    columns = [said.texts(column, every) for column, _ in decoder.live]
    return [[column.at(row) for column in columns] for row in range(len(rows))]


def shown(values: list[Value]) -> list[str | None]:
    """Values with gaps in brackets."""
    return [f"[{value.reason}]" if isinstance(value, Gap) else value for value in values]
