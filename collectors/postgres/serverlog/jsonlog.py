"""A jsonlog (PostgreSQL 15 and later): one JSON object a line.

Its keys are those of PostgreSQL's documentation, "Using JSON-Format Log Output"; a key whose value
is null is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from collectors.postgres.serverlog.csvlog import with_place
from collectors.postgres.serverlog.lines import RECORD, Counts, split
from collectors.postgres.serverlog.unpack import Block

KEYS = {
    "timestamp": "time",
    "error_severity": "severity",
    "state_code": "state",
    "message": "message",
    "detail": "detail",
    "hint": "hint",
    "internal_query": "internal_query",
    "context": "context",
    "statement": "statement",
    "user": "user",
    "dbname": "database",
    "remote_host": "host",
    "application_name": "application",
    "pid": "pid",
    "session_id": "session",
    "cursor_position": "position",
    "internal_position": "internal_position",
    "txid": "xid",
}
"""Keys that are read, and their columns."""
BAD = "lines that are no record of a jsonlog"
# What the fast reader could read otherwise than Python's: escapes of half a surrogate pair.
_SURROGATE = r"\\u[dD][89a-fA-F]"


def hold(data: bytes) -> int:
    """Every line is a record."""
    return len(data)


def records(blocks: Iterator[Block], counts: Counts) -> Iterator[pl.DataFrame]:
    """Records of each block, as :data:`~collectors.postgres.serverlog.lines.RECORD`."""
    for block in blocks:
        lines = split(block, counts)
        full = lines.filter(pl.col("text") != "")
        counts.blank += lines.height - full.height
        found = _decoded(full)
        good = found.filter(pl.col("time").is_not_null() & pl.col("severity").is_not_null())
        bad = found.join(good, on="line", how="anti", maintain_order="left")
        if bad.height:
            counts.skip_all(BAD, bad["line"].to_list())
        counts.first += good.height
        yield good.select(pl.col(name).cast(dtype) for name, dtype in RECORD.items())


def _decoded(lines: pl.DataFrame) -> pl.DataFrame:
    fields = _fast(lines["text"])
    if fields is None:
        rows = [_exact(text) for text in lines["text"]]
        fields = pl.DataFrame(rows, schema=dict.fromkeys(KEYS, pl.String), orient="row")
    return (
        lines.drop("text")
        .hstack(fields.rename(KEYS).get_columns())
        .with_columns(
            pl.when(pl.col(name) != "").then(name).alias(name)
            for name in ("user", "database", "application", "host")
        )
        .with_columns(
            message=with_place(),
            lines=pl.lit(1, dtype=pl.UInt64),
            record=pl.lit(None, dtype=pl.UInt64),
            ambiguous=pl.lit(False),
        )
    )


def _fast(text: pl.Series) -> pl.DataFrame | None:
    """The keys of all lines at once; None where one of them needs the exact reader."""
    plain = text.str.starts_with("{") & text.str.ends_with("}") & ~text.str.contains(_SURROGATE)
    if text.is_empty() or not plain.all():
        return None
    try:
        rows = text.str.json_decode(pl.Struct(dict.fromkeys(KEYS, pl.String)))
    except pl.exceptions.PolarsError:
        return None
    return rows.struct.unnest() if rows.len() == text.len() else None


def _exact(text: str) -> dict[str, str | None]:
    """One line by Python's reader; empty where it is no object."""
    try:
        record: Any = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {key: _text(record.get(key)) for key in KEYS}


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "backslashreplace").decode()
