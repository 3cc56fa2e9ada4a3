"""Logged statements of a whole column: tags and tables, the plain ones by one expression."""

from __future__ import annotations

import polars as pl

from collectors.postgres.serverlog.messages import COUNTED_TAGS, WRITING_WORDS
from collectors.postgres.serverlog.statements import Read, read_statement

# PostgreSQL's white space (scan.l); any character beyond ASCII may be of a name.
_S = r"[ \t\n\r\f\v]"
# One statement without anything that takes a tokenizer: no comment, dollar quote, backslash,
# quoted name or second statement.
_REST = r"(?:[^'\"\\$;/-]|\$[0-9]|'[^'\\]*'|-[^-'\"\\$;/]|/[^*'\"\\$;/-])*"
_PLAIN = (
    rf"^{_S}*(?P<verb>(?i:INSERT{_S}+INTO|UPDATE|DELETE{_S}+FROM)){_S}+"
    r"(?P<schema>[A-Za-z_][A-Za-z0-9_]*)\.(?P<table>[A-Za-z_][A-Za-z0-9_]*)"
    rf"(?:(?:{_S}*\(|{_S}+[A-Za-z]){_REST})?{_S}*;?{_S}*$"
)
_COUNTED = rf"^{_S}*(?P<verb>(?i:SELECT|SET|SHOW|BEGIN|FETCH))(?:{_S}{_REST})?;?{_S}*$"
_WRITES = rf"\b(?i:{'|'.join(sorted(WRITING_WORDS))})\b"


def read_column(sql: pl.Series) -> pl.DataFrame:
    """``attribute``, ``tables`` (``schema.table``) and ``counted`` of each text of a column."""
    unique = sql.unique(maintain_order=True).rename("sql")
    frame = unique.to_frame()
    text = pl.col("sql")
    plain = frame.with_columns(plain=text.str.extract_groups(_PLAIN)).unnest("plain")
    counted = text.str.extract(_COUNTED, 1).str.to_uppercase()
    plain = plain.with_columns(
        quick=pl.when(~text.str.contains(_WRITES)).then(counted),
        verb=pl.col("verb").str.extract(r"^([A-Za-z]+)", 1).str.to_uppercase(),
        table_name=pl.col("schema").str.to_lowercase() + "." + pl.col("table").str.to_lowercase(),
    )
    fast = plain.filter(pl.col("verb").is_not_null() | pl.col("quick").is_not_null()).select(
        "sql",
        attribute=pl.coalesce("verb", "quick"),
        tables=pl.when(pl.col("verb").is_not_null()).then(pl.concat_list("table_name")),
        counted=pl.col("quick").is_not_null(),
    )
    slow = plain.filter(pl.col("verb").is_null() & pl.col("quick").is_null())["sql"]
    read = [read_statement(one) for one in slow]
    exact = pl.DataFrame(
        {
            "sql": slow,
            "attribute": ["; ".join(one.tags) for one in read],
            "tables": [[f"{schema}.{table}" for schema, table in one.tables] for one in read],
            "counted": [counts_alone(one) for one in read],
        },
        schema={
            **frame.schema,
            "attribute": pl.String,
            "tables": pl.List(pl.String),
            "counted": pl.Boolean,
        },
    )
    every = pl.concat([fast, exact])
    return sql.rename("sql").to_frame().join(every, on="sql", how="left", maintain_order="left")


def counts_alone(read: Read) -> bool:
    """Whether a text only reads, or sets up its session, as far as its words show."""
    return all(tag in COUNTED_TAGS for tag in read.tags) and not read.words & WRITING_WORDS
